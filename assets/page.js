// What the page does by itself: regions to choose from, the history of this visit, scrolling.
window.unif2ace = {
  // One panel of buttons at a time; a pressed button is told to the server as "select".
  chooser(element, trigger, watch, props) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (!button.dataset.name) {
        for (const part of element.querySelectorAll("[data-panel]")) {
          const isMine = part.dataset.panel === button.dataset.panel;
          if (part.tagName === "DIV") part.hidden = !isMine;
          else part.setAttribute("aria-expanded", isMine);
        }
        return;
      }
      trigger("select", { name: button.dataset.name, value: button.dataset.value });
    });
    const press = () => {
      const pressed = new Set(props.pressed || []);
      for (const chip of element.querySelectorAll("[aria-pressed]"))
        chip.setAttribute("aria-pressed", pressed.has(chip.dataset.name + "=" + chip.dataset.value));
    };
    watch(["pressed", "value"], press);
    press();
  },

  // The last pictures of this visit, as copies in the page: the server deletes its own before long.
  async remember(painting) {
    const line = document.getElementById("result-line");
    const strip = document.querySelector("#history .strip");
    if (!painting?.url || !line) return;
    const copy = URL.createObjectURL(await (await fetch(painting.url)).blob());
    const entry = document.createElement("a");
    const link = document.getElementById("repeat-link");
    entry.href = link ? link.getAttribute("href") : copy;
    entry.target = "_blank";
    entry.title = line.dataset.words;
    entry.innerHTML = "<img width=84 height=84>";
    entry.firstChild.src = copy;
    entry.firstChild.alt = line.dataset.words;
    strip.prepend(entry);
    while (strip.children.length > 24) {
      URL.revokeObjectURL(strip.lastChild.firstChild.src);
      strip.lastChild.remove();
    }
    document.getElementById("history").classList.add("filled");
  },

  // For screen readers: what the page is read in.
  speak(language) {
    document.documentElement.lang = language;
  },

  // On a phone the picture lies below what was pressed.
  showPainting() {
    document.getElementById("generate-row").dataset.painted = "";
    if (innerWidth < 700)
      document.getElementById("painting").scrollIntoView({ behavior: "smooth", block: "start" });
  },

  // A link with a prompt paints at once, when its tab is there.
  openLink() {
    const prompt = new URLSearchParams(location.search).get("prompt")?.trim();
    if (!prompt) return;
    let patience = 200;
    const press = () => {
      const button = document.getElementById("generate");
      if (!button) return patience-- && setTimeout(press, 100);
      setTimeout(() => {
        // one that is too long is not put there
        if (document.querySelector("#prompt textarea")?.value.trim() === prompt) button.click();
      }, 300);
    };
    press();
  },
};

// Gradio labels the sign of an empty box but gives it no role, so that no screen reader says it.
new MutationObserver(() => {
  for (const empty of document.querySelectorAll('[aria-label="Empty value"]:not([role])'))
    empty.setAttribute("role", "img");
}).observe(document, { childList: true, subtree: true });
