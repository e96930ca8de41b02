//! What will be refused, said before anything is asked of a kubelet: the right to `nodes/proxy`, the name of the node, and
//! what the capture will cost. Also which nodes a selector means.
//!
//! The usual `kubectl auth can-i get nodes/proxy` asks about a node *named* proxy; this asks about the subresource.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::endpoints::{Plan, Server};
use super::facts::NodeFacts;
use super::refusal::{self, Answer, Cause, Details, Next, Question, Refusal};
use super::transport::{Ask, Outcome, Stop, Transport};
use crate::bundle::manifest::Who;

/// What an API server says about us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Permission {
    /// `get nodes/proxy` is allowed.
    Allowed,
    /// It is not.
    Denied {
        /// Why, in the authorizer's words; often `""`.
        reason: String,
    },
    /// It could not be asked; the first request will tell.
    Unknown {
        /// Why.
        why: Box<Refusal>,
    },
}

/// Who asks an API server.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The way there.
    pub transport: &'a Transport,
    /// Ends it.
    pub stop: &'a Stop,
    /// Is told why something is asked for once more, and in how long.
    pub again: &'a dyn Fn(&Refusal, Duration),
}

impl std::fmt::Debug for Asker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker")
            .field("transport", self.transport)
            .finish_non_exhaustive()
    }
}

/// Before something is asked for once more that names no time.
const PAUSE: Duration = Duration::from_secs(2);

/// Asks an API server and gives the body; once more after a while, where the server is just busy or not well.
///
/// # Errors
/// Why there is none.
pub async fn ask(asker: &Asker<'_>, ask: &Ask) -> Result<Vec<u8>, Box<Refusal>> {
    let refusal = match ask_once(asker, ask).await {
        Err(refusal) => refusal,
        answered => return answered,
    };
    let wait = match refusal.next {
        Next::Again(wait) if matches!(refusal.cause, Cause::Overloaded | Cause::ApiNotReady | Cause::Gateway) => wait,
        _ if refusal.may_pass() => PAUSE,
        _ => return Err(refusal),
    };
    (asker.again)(&refusal, wait);
    let mut stop = asker.stop.clone();
    tokio::select! {
        () = tokio::time::sleep(wait) => ask_once(asker, ask).await,
        () = stop.pulled() => Err(refusal),
    }
}

async fn ask_once(asker: &Asker<'_>, ask: &Ask) -> Result<Vec<u8>, Box<Refusal>> {
    let t = asker.transport;
    let mut bytes = Vec::new();
    let done = t.ask(ask, &mut bytes, asker.stop).await;
    let question = Question {
        route: t.route(),
        node: "",
        server: t.server(),
        path: &ask.path,
        measures: ask.measures,
    };
    match done.outcome {
        Outcome::Whole => Ok(bytes),
        Outcome::Refused { status, body } => {
            let answer = Answer {
                status,
                headers: &done.exchange.headers,
                body: &body,
            };
            Err(Box::new(refusal::of_answer(&question, &answer)))
        }
        Outcome::Broken(broken) => Err(Box::new(refusal::of_break(&question, &broken))),
    }
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct ReviewStatus {
    allowed: bool,
    reason: String,
    evaluation_error: String,
    user_info: UserInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct UserInfo {
    username: String,
}

/// Whether we may `get nodes/proxy`, for one node or for all.
///
/// # Errors
/// When the API server cannot be asked at all: it does not know us, or does not answer.
pub async fn may_proxy(asker: &Asker<'_>, node: Option<&str>) -> Result<Permission, Box<Refusal>> {
    let mut attributes = json!({"verb": "get", "group": "", "resource": "nodes", "subresource": "proxy"});
    if let Some(node) = node {
        attributes["name"] = json!(node);
    }
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes}});
    let post = Ask {
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
        json: Some(review.to_string()),
        ..Ask::default()
    };
    let body = match ask(asker, &post).await {
        Ok(body) => body,
        // A right to act as somebody may be for some requests only, and not for this one.
        Err(refusal) if refusal.cause == Cause::MayNotActAs && refusal.details.verb.starts_with("impersonate-on:") => {
            return Ok(Permission::Unknown { why: refusal });
        }
        Err(refusal)
            if matches!(
                refusal.cause,
                Cause::ApiForbidden | Cause::ApiPathNotFound | Cause::Other
            ) =>
        {
            return Ok(Permission::Unknown { why: refusal });
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(match serde_json::from_slice::<Review>(&body) {
        Ok(review) if review.status.allowed => Permission::Allowed,
        Ok(review) => {
            let words = [review.status.reason, review.status.evaluation_error];
            let words: Vec<String> = words.into_iter().filter(|w| !w.is_empty()).collect();
            Permission::Denied {
                reason: words.join("; "),
            }
        }
        Err(e) => {
            let details = Details {
                message: e.to_string(),
                ..Details::default()
            };
            let why = Refusal::new(Cause::Undecodable, Who::Unknown, Next::GoOn).about(details);
            Permission::Unknown { why: Box::new(why) }
        }
    })
}

/// Who we are to the API server, where it says so (Kubernetes 1.28 and later).
pub async fn whoami(asker: &Asker<'_>) -> Option<String> {
    let post = Ask {
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned(),
        json: Some(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).to_string()),
        ..Ask::default()
    };
    let body = ask(asker, &post).await.ok()?;
    let review: Review = serde_json::from_slice(&body).ok()?;
    Some(review.status.user_info.username).filter(|u| !u.is_empty())
}

/// The node object; none where we may not look at it.
///
/// # Errors
/// When there is no such node, or nobody to ask.
pub async fn node(asker: &Asker<'_>, name: &str) -> Result<Option<NodeFacts>, Box<Refusal>> {
    let get = Ask {
        path: asker.transport.path_at_server(name, "/api/v1/nodes/NODE"),
        ..Ask::default()
    };
    match ask(asker, &get).await {
        Ok(body) => Ok(NodeFacts::read(&body)),
        Err(refusal) if matches!(refusal.cause, Cause::ApiForbidden | Cause::MayNotActAs) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Nodes that are asked for at a time: node objects may be of many kilobytes.
const PAGE: usize = 250;

/// Pages that are read before it is believed that the list has no end.
const PAGES: usize = 1000;

/// Names of the nodes that a label selector means; all for `""`. Read page by page, as far as `most` goes.
///
/// # Errors
/// When they cannot be listed, when there are none, or more than `most`.
pub async fn nodes(asker: &Asker<'_>, selector: &str, most: usize) -> Result<Vec<String>, Box<Refusal>> {
    let mut names: Vec<String> = Vec::new();
    let (mut from, mut restarted) = (String::new(), false);
    for _ in 0..PAGES {
        let mut get = Ask {
            path: "/api/v1/nodes".to_owned(),
            ..Ask::default()
        };
        if !selector.is_empty() {
            get.params.push(("labelSelector".to_owned(), selector.to_owned()));
        }
        get.params
            .push(("limit".to_owned(), most.saturating_add(1).min(PAGE).to_string()));
        if !from.is_empty() {
            get.params.push(("continue".to_owned(), from));
        }
        let body = match ask(asker, &get).await {
            Ok(body) => body,
            // What the pages were read of is compacted after some minutes: the list is read from its beginning.
            Err(refusal) if refusal.cause == Cause::Expired && !restarted => {
                (from, restarted) = (String::new(), true);
                names.clear();
                continue;
            }
            Err(refusal) => return Err(Box::new(unlisted(*refusal, selector))),
        };
        let Some((page, next)) = NodeFacts::read_list(&body) else {
            return fail(Cause::NotANodeList, Details::default());
        };
        for node in page {
            if !names.contains(&node.name) {
                names.push(node.name);
            }
        }
        if names.len() > most {
            return fail(Cause::TooManyNodes, limited(most));
        }
        if next.is_empty() {
            let selector = selector.to_owned();
            return match names.is_empty() {
                false => Ok(names),
                true => fail(
                    Cause::NoNodes,
                    Details {
                        selector,
                        ..Details::default()
                    },
                ),
            };
        }
        from = next;
    }
    fail(Cause::EndlessNodeList, limited(PAGES))
}

fn limited(limit: usize) -> Details {
    Details {
        limit: u64::try_from(limit).ok(),
        ..Details::default()
    }
}

fn fail<T>(cause: Cause, details: Details) -> Result<T, Box<Refusal>> {
    Err(Box::new(Refusal::new(cause, Who::You, Next::Stop).about(details)))
}

/// Why nodes cannot be listed. Where it is a matter of rights, that is a cause of its own: a capture of nodes that are named
/// needs none of them.
fn unlisted(refusal: Refusal, selector: &str) -> Refusal {
    let d = &refusal.details;
    let may_not_list =
        refusal.cause == Cause::ApiForbidden && d.verb == "list" && d.resource == "nodes" && !d.user.is_empty();
    if !may_not_list || d.user == "system:anonymous" {
        return refusal;
    }
    Refusal {
        cause: Cause::MayNotListNodes,
        details: Details {
            selector: selector.to_owned(),
            ..refusal.details
        },
        ..refusal
    }
}

/// What `kubectl apply -f -` takes to let `user` list nodes.
pub fn list_rbac(user: &str) -> String {
    role(
        "kubeprof-list",
        "Names of nodes only; remove both objects after the capture.",
        "- {apiGroups: [\"\"], resources: [nodes], verbs: [list]}\n",
        user,
    )
}

/// What `kubectl apply -f -` takes to allow the plan to `user`, for these nodes only (for all where none is named).
/// `rights` are subresources of nodes: `proxy` through an API server, [`direct_rights`] at a kubelet.
pub fn rbac(plan: &Plan, user: &str, nodes: &[String], rights: &[&str]) -> String {
    let names: Vec<String> = nodes.iter().map(|n| format!("{n:?}")).collect();
    let names = match nodes.is_empty() {
        true => String::new(),
        false => format!("resourceNames: [{}], ", names.join(", ")),
    };
    let resources: Vec<String> = rights.iter().map(|r| format!("nodes/{r}")).collect();
    let rule = |resources: &str| format!("- {{apiGroups: [\"\"], resources: [{resources}], {names}verbs: [get]}}\n");
    let mut rules = rule(&resources.join(", "));
    if plan.has("node") {
        rules.push_str(&rule("nodes"));
    }
    let warning = "get on nodes/proxy is as much as root on these nodes: remove both objects after the capture.";
    role("kubeprof-capture", warning, &rules, user)
}

/// A role with these rules, bound to `user`.
fn role(name: &str, comment: &str, rules: &str, user: &str) -> String {
    let subject = match user
        .strip_prefix("system:serviceaccount:")
        .and_then(|a| a.split_once(':'))
    {
        Some((namespace, name)) => format!("{{kind: ServiceAccount, namespace: {namespace:?}, name: {name:?}}}"),
        None => format!("{{kind: User, apiGroup: rbac.authorization.k8s.io, name: {user:?}}}"),
    };
    format!(
        "# {comment}\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\nrules:\n{rules}\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {name}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\n\
         subjects:\n- {subject}\n"
    )
}

/// The rights that a kubelet wants of whoever asks it directly: most of the plan needs `nodes/proxy`.
pub fn direct_rights(plan: &Plan) -> Vec<&'static str> {
    let mut rights: Vec<&str> = plan
        .artifacts
        .iter()
        .filter(|e| e.server == Server::Kubelet)
        .map(|e| e.right)
        .collect();
    rights.sort_unstable();
    rights.dedup();
    rights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::endpoints::Preset;

    #[test]
    fn the_yaml_names_the_user_and_the_nodes_only() {
        let plan = Plan::preset(Preset::Usual);
        let yaml = rbac(&plan, "jane", &["worker-03".to_owned()], &["proxy"]);
        assert!(
            yaml.contains("resources: [nodes/proxy], resourceNames: [\"worker-03\"], verbs: [get]"),
            "{yaml}"
        );
        assert!(
            yaml.contains("kind: User, apiGroup: rbac.authorization.k8s.io, name: \"jane\""),
            "{yaml}"
        );
        assert_eq!(yaml.matches("---").count(), 1);
        let yaml = rbac(&plan, "system:serviceaccount:ops:profiler", &[], &["proxy", "metrics"]);
        assert!(
            yaml.contains("kind: ServiceAccount, namespace: \"ops\", name: \"profiler\""),
            "{yaml}"
        );
        assert!(
            yaml.contains("resources: [nodes/proxy, nodes/metrics], verbs"),
            "{yaml}"
        );
    }

    #[test]
    fn direct_access_needs_more_than_one_right() {
        let rights = direct_rights(&Plan::preset(Preset::Usual));
        assert_eq!(rights, ["configz", "healthz", "metrics", "proxy", "statusz"]);
    }
}
