/** Times as people say them, in the browser's language. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const WORDS = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const DAY_MS = 24 * 60 * 60 * 1000;

/** @param {number} seconds */
export const clock = (seconds) => CLOCK.format(seconds * 1000);

/** @param {number} seconds */
export const iso = (seconds) => new Date(seconds * 1000).toISOString();

/**
 * The calendar day here, as a key.
 *
 * @param {number} seconds
 */
export function dayKey(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/**
 * "Today", "Yesterday", "Monday 4 May", and the year where it is another one.
 *
 * @param {number} seconds
 * @param {number} [now] milliseconds
 */
export function dayName(seconds, now = Date.now()) {
  const date = new Date(seconds * 1000);
  const days = Math.round((midnight(date) - midnight(new Date(now))) / DAY_MS);
  if (days === 0 || days === -1) {
    const word = WORDS.format(days, "day");
    return word.charAt(0).toLocaleUpperCase() + word.slice(1);
  }
  return (date.getFullYear() === new Date(now).getFullYear() ? DATE : FULL).format(date);
}

/** @param {Date} date */
function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
