/** The line to the server: keeps trying, and says how it stands. */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const GREETING_MS = 10_000; // from the attempt to hello
const PING_MS = 25_000;
const PONG_MS = 10_000;

/**
 * How the line stands. ``retryAt`` (milliseconds since the epoch) goes with ``waiting``.
 * @typedef {{state: "connecting" | "open" | "waiting" | "offline" | "closed", retryAt: number}} Standing
 */

/**
 * Tells of ``frame`` (detail: what the server sent) and ``standing`` (detail: Standing). It is
 * open once the server said hello, so whatever was missed has come before.
 */
export class Connection extends EventTarget {
  /**
   * @param {URL} address
   * @param {() => Promise<object>} greeting the first frame, asked anew for each attempt
   */
  constructor(address, greeting) {
    super();
    this._address = address;
    this._greeting = greeting;
    /** @type {WebSocket | null} */
    this._socket = null;
    this._attempts = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    /** @type {Standing} */
    this.standing = { state: "closed", retryAt: 0 };
  }

  /** Connect, or connect anew; a running attempt is given up. */
  open() {
    this._dropSocket();
    if (navigator.onLine === false) {
      this._stand("offline");
      return;
    }
    this._stand("connecting");
    const socket = new WebSocket(this._address);
    this._socket = socket;
    this._after(GREETING_MS, () => this._lost());
    socket.addEventListener("open", () => this._greet(socket));
    socket.addEventListener("message", (event) => {
      if (socket === this._socket) this._receive(socket, event.data);
    });
    socket.addEventListener("close", () => {
      if (socket === this._socket) this._lost();
    });
  }

  /** Connect at once if a retry is being waited for. */
  hurry() {
    if (this.standing.state === "waiting" || this.standing.state === "offline") this.open();
  }

  /** The device has no network: wait until it says otherwise. */
  offline() {
    if (this.standing.state === "closed") return;
    this._dropSocket();
    this._stand("offline");
  }

  close() {
    this._dropSocket();
    this._stand("closed");
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether it was handed to the network
   */
  send(frame) {
    if (this.standing.state !== "open" || !this._socket) return false;
    this._socket.send(JSON.stringify(frame));
    return true;
  }

  /** @param {WebSocket} socket */
  async _greet(socket) {
    try {
      const greeting = await this._greeting();
      if (socket === this._socket) socket.send(JSON.stringify(greeting));
    } catch {
      if (socket === this._socket) this._lost(); // the site could not say who the visitor is
    }
  }

  /** @param {WebSocket} socket @param {unknown} data */
  _receive(socket, data) {
    const frame = readFrame(data);
    if (!frame) return;
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    if (socket !== this._socket) return; // the frame made someone connect anew
    if (frame.type === "hello" && this.standing.state === "connecting") {
      this._attempts = 0;
      this._stand("open");
    }
    if (this.standing.state === "open") this._after(PING_MS, () => this._ping());
  }

  _ping() {
    this.send({ type: "ping" });
    this._after(PONG_MS, () => this._lost());
  }

  _lost() {
    this._dropSocket();
    const most = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this._attempts);
    const wait = most * (0.5 + Math.random() / 2); // apart, when a server restarts
    this._attempts += 1;
    this._after(wait, () => this.open());
    this._stand("waiting", Date.now() + wait);
  }

  _dropSocket() {
    clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  /** @param {number} ms @param {() => void} step the only one waited for */
  _after(ms, step) {
    clearTimeout(this._timer);
    this._timer = setTimeout(step, ms);
  }

  /** @param {Standing["state"]} state @param {number} [retryAt] */
  _stand(state, retryAt = 0) {
    this.standing = { state, retryAt };
    this.dispatchEvent(new CustomEvent("standing", { detail: this.standing }));
  }
}

/**
 * @param {unknown} data
 * @returns {{type: string, [key: string]: any} | null} null for what is no frame of ours
 */
function readFrame(data) {
  try {
    const frame = JSON.parse(String(data));
    return frame !== null && typeof frame === "object" && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
