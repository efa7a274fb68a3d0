// Behavior of the pages. They work without it; nothing here stores anything,
// for a sandboxed page may not.
(function () {
  "use strict";

  var all = function (selector, root) {
    return Array.prototype.slice.call((root || document).querySelectorAll(selector));
  };
  var one = function (selector, root) {
    return (root || document).querySelector(selector);
  };

  function menu() {
    var button = one(".burger");
    var panel = document.getElementById("menu");
    if (!button || !panel) return;
    button.addEventListener("click", function () {
      var open = panel.classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && panel.classList.contains("open")) {
        panel.classList.remove("open");
        button.setAttribute("aria-expanded", "false");
        button.focus();
      }
    });
  }

  function isoDay(date) {
    var pad = function (n) { return String(n).padStart(2, "0"); };
    return date.getFullYear() + "-" + pad(date.getMonth() + 1) + "-" + pad(date.getDate());
  }

  // dayOf reads "2027-03-09" as a local day.
  function dayOf(value) {
    var parts = value.split("-").map(Number);
    return new Date(parts[0], parts[1] - 1, parts[2]);
  }

  function closedDays(form) {
    return (form.dataset.closed || "").split(",").filter(Boolean).map(Number);
  }

  function prepareDate(form) {
    var input = form.elements.date;
    if (!input) return;
    var day = new Date();
    do {
      day.setDate(day.getDate() + 1);
    } while (closedDays(form).indexOf(day.getDay()) >= 0);
    input.min = isoDay(new Date());
    input.value = isoDay(day);
    input.addEventListener("input", function () {
      var closed = input.value && closedDays(form).indexOf(dayOf(input.value).getDay()) >= 0;
      input.setCustomValidity(closed ? form.dataset.closedText : "");
    });
  }

  function labelOf(input) {
    if (input.dataset.label) return input.dataset.label;
    var box = input.closest("fieldset");
    var label = box ? one("legend", box) : one('label[for="' + input.id + '"]');
    return label ? label.textContent : "";
  }

  function shown(form, input) {
    if (input.name === "date" && input.value) {
      return new Intl.DateTimeFormat((form.dataset.locale || document.documentElement.lang) + "-u-nu-latn", {
        weekday: "long", day: "numeric", month: "long"
      }).format(dayOf(input.value));
    }
    if (input.type === "radio" && input.name === "time") return input.nextElementSibling.textContent;
    return input.value;
  }

  function summarize(form, list) {
    list.textContent = "";
    Array.prototype.forEach.call(form.elements, function (input) {
      if (!input.name || !input.value || (input.type === "hidden" && !input.dataset.label) || (input.type === "radio" && !input.checked)) return;
      var row = document.createElement("div");
      var term = document.createElement("dt");
      var value = document.createElement("dd");
      term.textContent = labelOf(input);
      value.textContent = shown(form, input);
      row.append(term, value);
      list.append(row);
    });
  }

  function escapeText(text) {
    return text.replace(/([\\;,])/g, "\\$1").replace(/\n/g, "\\n");
  }

  function calendar(form) {
    var date = form.elements.date;
    var time = one("input[name=time]:checked", form);
    if (!date || !time) return "";
    var what = one("input[name=what]:checked", form);
    var stamp = function (d) {
      return isoDay(d).replace(/-/g, "") + "T" + String(d.getHours()).padStart(2, "0") + String(d.getMinutes()).padStart(2, "0") + "00";
    };
    var start = dayOf(date.value);
    start.setHours(Number(time.value.slice(0, 2)), Number(time.value.slice(3)));
    var end = new Date(start.getTime() + (Number(what && what.dataset.minutes) || 60) * 60000);
    var lines = [
      "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Sheen//Booking//EN", "BEGIN:VEVENT",
      "UID:" + stamp(start) + "@booking.example", "DTSTAMP:" + stamp(new Date()),
      "DTSTART:" + stamp(start), "DTEND:" + stamp(end),
      "SUMMARY:" + escapeText(form.dataset.brand + (what ? " – " + what.value : "")),
      "LOCATION:" + escapeText(form.dataset.place), "END:VEVENT", "END:VCALENDAR", ""
    ];
    return "data:text/calendar;charset=utf-8," + encodeURIComponent(lines.join("\r\n"));
  }

  function complain(form, input) {
    var box = one(".form-error", form);
    all("[aria-invalid]", form).forEach(function (el) { el.removeAttribute("aria-invalid"); });
    if (box) {
      box.hidden = !input;
      box.textContent = input ? form.dataset.error + " " + labelOf(input) + ". " + (input.validity.customError ? input.validationMessage : "") : "";
    }
    if (input) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  }

  function confirm(form) {
    var panel = one("[data-confirm]", form.parentNode);
    if (!panel) {
      var done = document.createElement("p");
      done.setAttribute("role", "status");
      done.textContent = form.dataset.done;
      form.replaceWith(done);
      return;
    }
    summarize(form, one("[data-summary]", panel));
    var ics = one("[data-ics]", panel);
    if (ics) {
      var address = calendar(form);
      ics.hidden = !address;
      if (address) ics.href = address;
    }
    form.hidden = true;
    panel.hidden = false;
    panel.focus();
    var again = one("[data-again]", panel);
    if (again) again.onclick = function () {
      panel.hidden = true;
      form.hidden = false;
      form.elements[0].focus();
    };
  }

  function forms() {
    all("form[data-form]").forEach(function (form) {
      form.noValidate = true;
      prepareDate(form);
      form.addEventListener("submit", function (event) {
        event.preventDefault();
        var bad = Array.prototype.find.call(form.elements, function (el) {
          return el.willValidate && !el.checkValidity();
        });
        complain(form, bad);
        var order = form.elements.order;
        if (!bad && order && !order.value) {
          one(".form-error", form).hidden = false;
          one(".form-error", form).textContent = order.dataset.empty;
          return;
        }
        if (!bad) confirm(form);
      });
    });
  }

  // The cart travels in the address, "?cart=vase:2,bowl:1": there is no
  // storage to keep it in.
  function readCart() {
    var cart = {};
    var raw = new URLSearchParams(location.search).get("cart") || "";
    raw.split(",").forEach(function (part) {
      var at = part.lastIndexOf(":");
      var count = Number(part.slice(at + 1));
      if (at > 0 && count > 0 && count < 100) cart[part.slice(0, at)] = Math.floor(count);
    });
    return cart;
  }

  function writeCart(cart) {
    var value = Object.keys(cart).map(function (id) { return id + ":" + cart[id]; }).join(",");
    all("a[href]").forEach(function (a) {
      var href = a.getAttribute("href");
      if (!/\.html([?#]|$)/.test(href) || href.indexOf(":") >= 0) return;
      var hash = href.indexOf("#") >= 0 ? href.slice(href.indexOf("#")) : "";
      var path = href.replace(/[?#].*$/, "");
      a.setAttribute("href", path + (value ? "?cart=" + encodeURIComponent(value) : "") + hash);
    });
    var total = Object.keys(cart).reduce(function (sum, id) { return sum + cart[id]; }, 0);
    all("[data-cart-count]").forEach(function (el) {
      el.hidden = total === 0;
      el.textContent = String(total);
    });
  }

  // price writes an amount as the pages do.
  function price(box, amount) {
    var digits = String(amount);
    if (digits.length >= Number(box.dataset.groupFrom)) digits = digits.replace(/\B(?=(\d{3})+$)/g, box.dataset.group);
    return box.dataset.money.replace("#", digits);
  }

  function cartLine(cart, entry, box, redraw) {
    var line = document.createElement("li");
    var name = document.createElement("span");
    name.textContent = entry.textContent;
    var count = document.createElement("input");
    count.type = "number";
    count.min = "1";
    count.max = "20";
    count.value = cart[entry.dataset.id];
    count.setAttribute("aria-label", box.dataset.qty + ", " + entry.textContent);
    count.addEventListener("change", function () {
      cart[entry.dataset.id] = Math.min(20, Math.max(1, Number(count.value) || 1));
      redraw();
    });
    var cost = document.createElement("b");
    cost.textContent = price(box, entry.dataset.price * cart[entry.dataset.id]);
    var remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = box.dataset.remove;
    remove.setAttribute("aria-label", box.dataset.remove + ", " + entry.textContent);
    remove.addEventListener("click", function () {
      delete cart[entry.dataset.id];
      redraw();
    });
    line.append(name, count, cost, remove);
    return line;
  }

  function drawCart(cart) {
    var box = one("[data-cart]");
    if (!box) return;
    var lines = one("[data-cart-lines]", box);
    var total = 0;
    var order = [];
    lines.textContent = "";
    all("[data-catalog] li").forEach(function (entry) {
      var count = cart[entry.dataset.id];
      if (!count) return;
      total += entry.dataset.price * count;
      order.push(count + " × " + entry.textContent);
      lines.append(cartLine(cart, entry, box, function () { drawCart(cart); }));
    });
    one("[data-cart-empty]", box).hidden = order.length > 0;
    var sum = one("[data-cart-total]", box);
    sum.hidden = order.length === 0;
    one("b", sum).textContent = price(box, total);
    var field = one("[data-order]");
    if (field) field.value = order.join(", ");
    writeCart(cart);
  }

  function shop() {
    if (!one("[data-cart-count]")) return;
    var cart = readCart();
    var params = new URLSearchParams(location.search);
    var item = params.get("item");
    if (item) cart[item] = Math.min(20, Math.max(1, Number(params.get("count")) || 1));
    var form = one("form[data-add]");
    if (form) form.addEventListener("submit", function (event) {
      event.preventDefault();
      var id = form.dataset.add;
      cart[id] = Math.min(20, (cart[id] || 0) + Math.max(1, Number(form.elements.count.value) || 1));
      writeCart(cart);
      one("[data-added]").hidden = false;
    });
    writeCart(cart);
    drawCart(cart);
  }

  function press(buttons, chosen) {
    buttons.forEach(function (b) { b.setAttribute("aria-pressed", String(b === chosen)); });
  }

  function filters() {
    var buttons = all("[data-filter]");
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        press(buttons, button);
        all("[data-group]").forEach(function (el) {
          el.hidden = button.dataset.filter !== "" && el.dataset.group !== button.dataset.filter;
        });
      });
    });
  }

  function billing() {
    var buttons = all("[data-billing]");
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        press(buttons, button);
        all("[data-month]").forEach(function (el) {
          el.textContent = button.dataset.billing === "year" ? el.dataset.year : el.dataset.month;
        });
      });
    });
  }

  menu();
  forms();
  shop();
  filters();
  billing();
})();
