//! Panics of libraries -> errors: whatever a kubeconfig or a server brings out in kube, hyper or rustls, it ends a request and
//! not the capture.
//!
//! What is called here runs guarded: building a client, sending a request, reading its answer. The message of a panic is kept
//! in place of printed, where the program lets [`hush`] have its hook.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use kube::client::Body;
use tower::{BoxError, Layer, Service};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// What a library panicked with.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Panicked(String);

/// Inside of something that is guarded, for as long as it lives.
struct Inside;

impl Inside {
    fn new() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Lets panics that become errors pass unseen; others go to the hook that was there. For programs, once.
pub fn hush() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
            before(info);
        }
    }));
}

/// The words of a panic.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|t| (*t).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "it does not say why".to_owned());
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Calls a library.
///
/// # Errors
/// When it panics.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    let done = catch_unwind(AssertUnwindSafe(|| {
        let _inside = Inside::new();
        call()
    }));
    done.map_err(|panic| Panicked(words(&*panic)))
}

/// A future of a library.
pub(super) struct Guarded<F>(Pin<Box<F>>);

impl<F> Guarded<F> {
    pub(super) fn new(future: F) -> Self {
        Guarded(Box::pin(future))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

/// Guards the services below it: kube calls them in a task of its own, whose panic would only be seen as its silence.
pub(super) struct Guard;

impl<S> Layer<S> for Guard {
    type Service = GuardedService<S>;

    fn layer(&self, service: S) -> Self::Service {
        GuardedService(service)
    }
}

pub(super) struct GuardedService<S>(S);

impl<S> Service<Request<Body>> for GuardedService<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match guarded(|| self.0.poll_ready(context)) {
            Ok(ready) => ready.map_err(Into::into),
            Err(panicked) => Poll::Ready(Err(panicked.into())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = guarded(|| self.0.call(request));
        Box::pin(async {
            match answer {
                Ok(answer) => Guarded::new(answer).await?.map_err(Into::into),
                Err(panicked) => Err(panicked.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        hush();
        assert_eq!(guarded(|| 3).expect("no panic"), 3);
        let error = guarded(|| -> u8 { panic!("{} of it", "the first line\nand the rest") });
        assert_eq!(error.expect_err("a panic").to_string(), "the first line");
        assert_eq!(DEPTH.get(), 0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let answer = runtime.block_on(Guarded::new(async {
            tokio::task::yield_now().await;
            " ".parse::<http::Uri>().map(drop).expect("Valid Uri")
        }));
        assert!(answer.expect_err("a panic").to_string().contains("Valid Uri"));
    }
}
