//! A bar chart as SVG, readable on a light and on a dark ground.

use std::fmt::Write;

const ROW: u32 = 26;
const LABEL: u32 = 150;
const WIDTH: u32 = 720;

/// Bars of these lengths, each with what is written behind it.
pub(crate) fn bars(title: &str, bars: &[(String, f64, String)]) -> String {
    let longest = bars.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    let height = ROW * (bars.len() as u32 + 1) + 14;
    let room = f64::from(WIDTH - LABEL - 150);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\" \
         fill=\"#888\" role=\"img\" aria-label=\"{title}\">\n\
         <text x=\"0\" y=\"16\" font-weight=\"bold\">{title}</text>\n"
    );
    for (row, (label, value, text)) in (1..).zip(bars) {
        let y = row * ROW + 4;
        let width = (value / longest * room).max(2.0);
        let color = if row == 1 { "#c0392b" } else { "#5b8db8" };
        let x = f64::from(LABEL) + width + 8.0;
        // A String takes all that is written to it.
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{LABEL}\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"{color}\"/>\
             <text x=\"{x:.1}\" y=\"{}\">{text}</text>",
            LABEL - 10,
            y + 14,
            y + 14,
        )
        .expect("a String takes all that is written to it");
    }
    svg.push_str("</svg>\n");
    svg
}
