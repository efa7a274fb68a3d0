// Text size and contrast. The choice is remembered where the browser lets a page
// remember things, and nowhere else.
(function () {
  "use strict";
  var root = document.documentElement;
  var bar = document.querySelector("[data-access]");
  var state = { text: 0, contrast: false };
  function load() {
    try {
      var kept = JSON.parse(window.localStorage.getItem("display") || "{}");
      state.text = Math.min(3, Math.max(0, Number(kept.text) || 0));
      state.contrast = kept.contrast === true;
    } catch (e) {
      return;
    }
  }
  function keep() {
    try {
      window.localStorage.setItem("display", JSON.stringify(state));
    } catch (e) {
      return;
    }
  }
  function show() {
    root.setAttribute("data-text", String(state.text));
    if (state.contrast) root.setAttribute("data-contrast", "");
    else root.removeAttribute("data-contrast");
    var button = bar && bar.querySelector("[data-access-contrast]");
    if (button) button.setAttribute("aria-pressed", String(state.contrast));
  }
  function change(text, contrast) {
    state.text = Math.min(3, Math.max(0, text));
    state.contrast = contrast;
    show();
    keep();
  }
  load();
  show();
  if (!bar) return;
  bar.hidden = false;
  bar.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    if (button.hasAttribute("data-access-size")) change(state.text + Number(button.getAttribute("data-access-size")), state.contrast);
    if (button.hasAttribute("data-access-contrast")) change(state.text, !state.contrast);
    if (button.hasAttribute("data-access-reset")) change(0, false);
  });
})();
