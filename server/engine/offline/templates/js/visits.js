// Counts visits to pages and uses of the main button. The counts stay in this
// browser: nothing is sent anywhere, and whoever asks not to be counted is not.
(function () {
  "use strict";
  var key = "visits";
  var table = document.querySelector("[data-visits]");
  function read() {
    try {
      var kept = JSON.parse(window.localStorage.getItem(key) || "{}");
      return { pages: kept.pages || {}, clicks: Number(kept.clicks) || 0 };
    } catch (e) {
      return null;
    }
  }
  function write(counts) {
    try {
      window.localStorage.setItem(key, JSON.stringify(counts));
    } catch (e) {
      return;
    }
  }
  function count() {
    var counts = read();
    if (!counts || navigator.doNotTrack === "1" || navigator.globalPrivacyControl) return;
    if (!table) {
      var name = document.title;
      counts.pages[name] = (Number(counts.pages[name]) || 0) + 1;
      write(counts);
    }
    document.addEventListener("click", function (event) {
      if (!event.target.closest || !event.target.closest("a.button")) return;
      counts.clicks += 1;
      write(counts);
    });
  }
  function draw() {
    var empty = document.querySelector("[data-visits-empty]");
    var clear = document.querySelector("[data-visits-clear]");
    if (!table || !empty || !clear) return;
    var counts = read();
    if (!counts) {
      empty.textContent = empty.getAttribute("data-off");
      return;
    }
    var names = Object.keys(counts.pages).sort(function (a, b) { return counts.pages[b] - counts.pages[a]; });
    var total = 0;
    var body = table.querySelector("tbody");
    body.textContent = "";
    names.forEach(function (name) {
      var row = body.insertRow();
      var title = document.createElement("th");
      title.scope = "row";
      title.textContent = name;
      row.append(title);
      row.insertCell().textContent = String(counts.pages[name]);
      total += counts.pages[name];
    });
    table.querySelector("[data-visits-total]").textContent = String(total);
    table.querySelector("[data-visits-clicks]").textContent = String(counts.clicks);
    table.hidden = clear.hidden = total === 0;
    empty.hidden = total > 0;
    clear.onclick = function () {
      write({ pages: {}, clicks: 0 });
      draw();
    };
  }
  count();
  draw();
})();
