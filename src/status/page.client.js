/*
 * Keeps an open page up to date: asks for it again every few seconds and changes what differs, where it differs, so that
 * focus, scroll, selection and opened parts stay. Without it the page is a table that a reload renews.
 */
(() => {
  const everyMs = 5000;
  const hiddenEveryMs = 60000;
  const timeoutMs = 10000;
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  let isPaused = false;
  let timer = 0;
  let lastAnswer = "";

  const say = (text, state) => {
    if (live.textContent !== text) live.textContent = text;
    live.className = state;
  };

  const keyOf = (node) => (node.nodeType === 1 ? node.id || node.getAttribute("data-key") || "" : "");

  const syncAttributes = (from, to) => {
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      const isUsers = name === "open" && from.nodeName === "DETAILS";
      if (!to.hasAttribute(name) && !isUsers) from.removeAttribute(name);
    }
  };

  const isAlike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  const morph = (from, to) => {
    if (from.nodeType !== 1) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    if (from.hasAttribute("data-keep")) return;
    if (from.isEqualNode(to)) return;
    syncAttributes(from, to);
    const wantedKeys = new Set([...to.childNodes].map(keyOf));
    const keyed = new Map();
    for (const child of [...from.childNodes]) {
      const key = keyOf(child);
      if (key && !wantedKeys.has(key)) child.remove();
      else if (key) keyed.set(key, child);
    }
    let next = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      let found = keyOf(wanted) ? keyed.get(keyOf(wanted)) : next;
      if (found && !isAlike(found, wanted)) found = undefined;
      if (!found) {
        from.insertBefore(document.importNode(wanted, true), next);
        continue;
      }
      if (found === next) next = next.nextSibling;
      else from.insertBefore(found, next);
      morph(found, wanted);
    }
    while (next) {
      const rest = next;
      next = next.nextSibling;
      rest.remove();
    }
  };

  const refresh = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (isPaused) return;
      if (page.documentElement.dataset.edition !== document.documentElement.dataset.edition) {
        location.reload();
        return;
      }
      document.title = page.title;
      morph(document.querySelector("link[rel=icon]"), page.querySelector("link[rel=icon]"));
      morph(document.body, page.body);
      lastAnswer = document.querySelector(".meta time").textContent;
      say("Live", "on");
    } catch {
      document.body.classList.add("away");
      if (!document.title.startsWith("(no answer) ")) document.title = `(no answer) ${document.title}`;
      say(lastAnswer ? `No answer since ${lastAnswer}` : "No answer", "off");
    }
    later();
  };

  const later = () => {
    clearTimeout(timer);
    if (!isPaused) timer = setTimeout(refresh, document.hidden ? hiddenEveryMs : everyMs);
  };

  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    say(isPaused ? "Paused" : "Live", isPaused ? "off" : "on");
    if (isPaused) clearTimeout(timer);
    else refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused) refresh();
  });

  lastAnswer = document.querySelector(".meta time").textContent;
  pause.hidden = false;
  say("Live", "on");
  later();
})();
