//! What Graphviz draws, made fit for a browser: it fills the window, the mouse drags it and the wheel zooms.

/// Zooms about the pointer and drags. Everything is in the one group that is wrapped around the drawing.
const SCRIPT: &str = r#"
"use strict";
(function () {
  const root = document.documentElement;
  const group = document.getElementById("viewport");
  let scale = 0.5, left = 0, top = 0, drag = null;
  const apply = () => group.setAttribute("transform", `translate(${left},${top}) scale(${scale})`);
  root.addEventListener("wheel", (e) => {
    e.preventDefault();
    const factor = Math.pow(1.001, -e.deltaY);
    left = e.clientX - (e.clientX - left) * factor;
    top = e.clientY - (e.clientY - top) * factor;
    scale *= factor;
    apply();
  }, { passive: false });
  root.addEventListener("mousedown", (e) => { drag = { x: e.clientX - left, y: e.clientY - top }; });
  root.addEventListener("mouseup", () => { drag = null; });
  root.addEventListener("mousemove", (e) => {
    if (drag) { left = e.clientX - drag.x; top = e.clientY - drag.y; apply(); }
  });
})();
"#;

/// Rewrites the output of `dot -Tsvg`.
pub fn interactive_svg(svg: &str) -> String {
    // Graphviz leaves some ampersands as they are, which is no XML.
    let mut svg = svg.replace("&;", "&amp;;");
    if let Some((start, end)) = size_attributes(&svg) {
        svg.replace_range(start..end, r#" width="100%" height="100%""#);
    }
    if let Some(graph) = svg.find(r#"<g id="graph"#) {
        svg.insert_str(graph, r#"<g id="viewport" transform="scale(0.5,0.5) translate(0,0)">"#);
        if let Some(end) = svg.rfind("</svg>") {
            let script = format!("</g><script type=\"text/ecmascript\"><![CDATA[{SCRIPT}]]></script>\n");
            svg.insert_str(end, &script);
        }
    }
    svg
}

/// Where width, height and viewBox of the root stand.
fn size_attributes(svg: &str) -> Option<(usize, usize)> {
    let tag = svg.find("<svg")?;
    let open = tag + svg[tag..].find('>')?;
    let start = tag + "<svg".len();
    let attributes = &svg[start..open];
    let mut end = 0;
    for name in ["width=\"", "height=\"", "viewBox=\""] {
        let rest = &attributes[end..];
        let at = rest.find(name)?;
        if !rest[..at].trim().is_empty() {
            return None;
        }
        end += at + name.len();
        end += attributes[end..].find('"')? + 1;
    }
    Some((start, start + end))
}

#[cfg(test)]
mod tests {
    use super::interactive_svg;

    #[test]
    fn fills_the_window() {
        let dot = "<?xml?>\n<svg width=\"8pt\" height=\"9pt\"\n viewBox=\"0.00 0.00 8.00 9.00\" xmlns=\"x\">\n\
                   <g id=\"graph0\" class=\"graph\"><text>a&;b</text></g>\n</svg>\n";
        let svg = interactive_svg(dot);
        assert!(
            svg.contains("<svg width=\"100%\" height=\"100%\" xmlns=\"x\">"),
            "{svg}"
        );
        assert!(svg.contains("translate(0,0)\"><g id=\"graph0\""), "{svg}");
        assert!(svg.contains("a&amp;;b"), "{svg}");
        assert!(svg.ends_with("]]></script>\n</svg>\n"), "{svg}");
    }

    #[test]
    fn leaves_what_it_does_not_know() {
        assert_eq!(interactive_svg("<p>no drawing</p>"), "<p>no drawing</p>");
    }
}
