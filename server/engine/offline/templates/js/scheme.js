// The switch between light and dark. It begins with what the system wants, and
// the choice is remembered where the browser lets a page remember things.
(function () {
  "use strict";
  var root = document.documentElement;
  function remembered(value) {
    try {
      if (value) window.localStorage.setItem("scheme", value);
      return window.localStorage.getItem("scheme");
    } catch (e) {
      return null;
    }
  }
  function apply(scheme) {
    if (scheme === "dark" || scheme === "light") root.setAttribute("data-scheme", scheme);
  }
  function isDark() {
    return getComputedStyle(root).colorScheme.indexOf("dark") >= 0;
  }
  apply(remembered());
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.querySelector("[data-scheme-switch]");
    if (!button) return;
    var show = function () { button.setAttribute("aria-pressed", String(isDark())); };
    button.hidden = false;
    show();
    button.addEventListener("click", function () {
      var next = isDark() ? "light" : "dark";
      apply(next);
      remembered(next);
      show();
    });
  });
})();
