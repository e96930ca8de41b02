// Numbers and times as text. A sampled number never stands without its error where there is room for both.

// 1234567.891 -> 1,234,567.89; by hand, because the graph does it for every box of every frame.
function grouped(n, digits = 0) {
  const text = digits ? String(Number(n.toFixed(digits))) : String(Math.round(n));
  if (text.length < 4 || text.includes("e")) return text;
  const [whole, part] = text.split(".");
  const sign = whole[0] === "-" ? "-" : "";
  let rest = sign ? whole.slice(1) : whole, out = "";
  while (rest.length > 3) { out = `,${rest.slice(-3)}${out}`; rest = rest.slice(0, -3); }
  return sign + rest + out + (part ? `.${part}` : "");
}
const plural = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

// A value of a sample type in the largest unit that it fills.
function value(v, type) {
  v /= type.divideBy || 1;
  if (v === 0) return "0";
  const size = Math.abs(v);
  let step = type.steps[0];
  for (const s of type.steps) if (size >= s[1]) step = s;
  const n = v / step[1];
  const text = Math.abs(n) >= 1000 || Number.isInteger(n) ? grouped(n, 2) : n.toFixed(2);
  return text + step[0];
}

const signed = (v, type) => (v > 0 ? "+" : "") + value(v, type);

// A standard error, as large as it is.
const plusMinus = (variance, type) => (variance > 0 ? `± ${value(Number(Math.sqrt(variance).toPrecision(3)), type)}` : "");

// A standard error as a share of its value.
function relativeError(v, variance) {
  if (!(variance > 0) || !v) return "";
  const p = (Math.sqrt(variance) / Math.abs(v)) * 100;
  return `±${p >= 10 ? Math.round(p) : Number(p.toPrecision(1))}%`;
}

function percent(part, whole) {
  if (!whole) return "";
  const p = (part / whole) * 100, size = Math.abs(p);
  if (size === 0) return "0%";
  if (size >= 99.95 && size <= 100.05) return `${Math.round(p)}%`;
  return `${size >= 1 ? p.toFixed(size >= 10 ? 1 : 2) : p.toPrecision(2)}%`;
}

// Units of series that are not sample types.
const STEPS = {
  bytes: [["B", 1], ["kB", 1024], ["MB", 1024 ** 2], ["GB", 1024 ** 3], ["TB", 1024 ** 4]],
  seconds: [["ns", 1e-9], ["us", 1e-6], ["ms", 1e-3], ["s", 1]],
  cores: [["m", 1e-3], [" cores", 1]],
  percent: [["%", 1]],
  "per second": [["/s", 1]],
};
const plainType = (unit) => ({ steps: STEPS[unit] || [["", 1]], divideBy: 1 });

const two = (n) => String(n).padStart(2, "0");
const utc = (ms) => new Date(ms);
const clock = (ms) => `${two(utc(ms).getUTCHours())}:${two(utc(ms).getUTCMinutes())}:${two(utc(ms).getUTCSeconds())}`;
const day = (ms) => `${utc(ms).getUTCFullYear()}-${two(utc(ms).getUTCMonth() + 1)}-${two(utc(ms).getUTCDate())}`;
const moment = (ms) => (typeof ms === "number" && Number.isFinite(ms) ? `${day(ms)} ${clock(ms)} UTC` : "");

// 95 s, 12 min, 3 h 20 min, 4 d 2 h
function duration(seconds) {
  const s = Math.round(Math.abs(seconds));
  if (s < 120) return `${s} s`;
  const m = Math.round(s / 60);
  if (m < 120) return `${m} min`;
  const h = Math.floor(m / 60);
  if (h < 48) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}
