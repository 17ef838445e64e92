// Draws every plot of the page in the colours of its style sheet, anew when they change.
const dark = matchMedia("(prefers-color-scheme: dark)");

function colours() {
  const style = getComputedStyle(document.documentElement);
  const [ink, muted, line] = ["--ink", "--muted", "--line"].map((name) =>
    style.getPropertyValue(name).trim(),
  );
  const text = { labelColor: muted, titleColor: muted, labelFontSize: 12, titleFontSize: 12 };
  return {
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: "normal" },
    legend: { ...text, labelColor: ink, symbolType: "square" },
  };
}

async function draw() {
  const config = colours();
  for (const place of document.querySelectorAll("[data-plot]")) {
    const plot = JSON.parse(document.getElementById(place.dataset.plot).textContent);
    await vegaEmbed(place, plot, {
      config,
      ast: true, // Expressions are interpreted: the page's policy forbids making code from text.
      renderer: "svg",
      // Styles come from the page's own sheet: its policy takes none that a script adds.
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
      actions: false,
    });
  }
}

dark.addEventListener("change", draw);
draw();
