const DASH = "\u2013";

function known(value) {
  return value !== null && value !== undefined;
}

function count(value) {
  return known(value) ? Math.round(value).toLocaleString("en-US") : "not known";
}

function figure(value) {
  if (!known(value)) return DASH;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return size >= 100 ? count(value) : String(Number(value.toPrecision(3)));
}

function percent(value) {
  if (!known(value)) return DASH;
  if (value > 0.995 && value < 1) return ">99%";
  if (value < 0.005 && value > 0) return "<1%";
  return `${Math.round(100 * value)}%`;
}

function cost(value, unit) {
  return known(value) ? `${figure(value)} ${unit}` : "not known";
}

function seconds(value) {
  return known(value) ? `${value.toFixed(value < 10 ? 2 : 1)} s` : DASH;
}

function answerOf(value) {
  return known(value) && value !== "" ? value : "no answer";
}

function verdict(correct) {
  if (correct === true || correct === 1) return el("span", { class: "chip good" }, "right");
  if (correct === false || correct === 0) return el("span", { class: "chip bad" }, "wrong");
  return null;
}
