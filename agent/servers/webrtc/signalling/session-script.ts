/**
 * Shared by `reader.js` and `publisher.js`: opens one session after another with the same endpoint until `close()`.
 * Plain JavaScript for the browser. A subclass adds its media (`prepare`) and handles the answer (`onAnswered`).
 */
export const SESSION_SCRIPT = String.raw`
  const RETRY_MS = 2000;
  /** Caps the Retry-After of the server: a person may be watching. */
  const MAX_RETRY_MS = 60000;
  /** Candidates are batched for this long. */
  const TRICKLE_MS = 100;
  /** Timeout of the request for the end reason. */
  const WHY_MS = 2000;

  /** Parses 'Link' headers, joined with commas, to RTCIceServer. */
  const parseIceServers = (header) => {
    // Browsers decode headers as Latin-1; these are UTF-8.
    const text = new TextDecoder().decode(Uint8Array.from(header || '', (letter) => letter.charCodeAt(0)));
    const servers = [];
    const pattern = /<([^>]+)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g;
    for (const [, url, rest] of text.matchAll(pattern)) {
      const facts = {};
      for (const [, key, value] of rest.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)) {
        facts[key] = value.replace(/\\(.)/g, '$1');
      }
      if (facts.rel === 'ice-server') {
        servers.push({ urls: [url], username: facts.username, credential: facts.credential });
      }
    }
    return servers;
  };

  /** Not worth a retry. */
  class Refusal extends Error {}
  /** No network or no server. */
  class Unreachable extends Error {}

  const ask = async (url, init) => {
    try {
      return await fetch(url, init);
    } catch {
      throw new Unreachable('the server cannot be reached');
    }
  };

  const failureOf = async (response) => {
    let reason = 'the server answered ' + response.status;
    try {
      reason = (await response.json()).error || reason;
    } catch {
      // A proxy may answer in another format.
    }
    // A wrong password stays wrong, and the server counts attempts.
    const failure = response.status === 401 ? new Refusal(reason) : new Error(reason);
    failure.retryMs = Math.min(1000 * Number(response.headers.get('Retry-After')) || RETRY_MS, MAX_RETRY_MS);
    return failure;
  };

  const firstLine = (sdp, name) => (sdp.match(new RegExp('^a=' + name + ':.*$', 'm')) || [''])[0];

  /** RFC 8840 section 9: the credentials, and the candidates of each section. */
  const fragmentOf = (sdp, candidates) => {
    const lines = [firstLine(sdp, 'ice-ufrag'), firstLine(sdp, 'ice-pwd')];
    sdp.split(/^(?=m=)/m).slice(1).forEach((section, index) => {
      const own = candidates.filter((candidate) => candidate.sdpMLineIndex === index);
      if (own.length > 0 || (candidates.length === 0 && index === 0)) {
        lines.push(section.split(/\r?\n/)[0], firstLine(section, 'mid'));
        lines.push(...own.map((candidate) => 'a=' + candidate.candidate));
      }
    });
    return lines.join('\r\n') + '\r\n';
  };

  /** The answer with the credentials and candidates of a restart. */
  const restarted = (answer, fragment) => {
    const candidates = [...new Set(fragment.match(/^a=candidate:.*$/gm))];
    return answer
      .replace(/^a=ice-ufrag:.*$/gm, firstLine(fragment, 'ice-ufrag'))
      .replace(/^a=ice-pwd:.*$/gm, firstLine(fragment, 'ice-pwd'))
      .replace(/^a=candidate:.*\r?\n/gm, '')
      .replace(/^a=end-of-candidates/gm, [...candidates, 'a=end-of-candidates'].join('\r\n'));
  };

  class Session {
    constructor(options) {
      this.options = options;
      this.isClosed = false;
      this.isConnected = false;
      this.isRestarting = false;
      this.run = 0;
      this.timer = 0;
      this.pc = null;
      this.sessionUrl = null;
      this.answer = '';
      this.candidates = [];
      this.trickleTimer = 0;
      this.networkType = undefined;
      this.onOnline = () => this.wake();
      this.onNetwork = () => this.lookAtNetwork();
      addEventListener('online', this.onOnline);
      if (navigator.connection) {
        this.networkType = navigator.connection.type;
        navigator.connection.addEventListener('change', this.onNetwork);
      }
      this.start();
    }

    close() {
      this.isClosed = true;
      clearTimeout(this.timer);
      removeEventListener('online', this.onOnline);
      if (navigator.connection) {
        navigator.connection.removeEventListener('change', this.onNetwork);
      }
      this.stop();
    }

    headers(more) {
      const { user, pass, token } = this.options;
      const headers = { ...more };
      if (token) {
        headers.Authorization = 'Bearer ' + token;
      } else if (user) {
        const bytes = new TextEncoder().encode(user + ':' + (pass || ''));
        headers.Authorization = 'Basic ' + btoa(String.fromCharCode(...bytes));
      }
      return headers;
    }

    async start() {
      const run = ++this.run;
      const isOver = () => this.isClosed || run !== this.run;
      try {
        await this.connect(isOver);
      } catch (error) {
        if (!isOver()) {
          this.fail(error);
        }
      }
    }

    async connect(isOver) {
      if (typeof RTCPeerConnection === 'undefined') {
        throw new Refusal('this browser has no WebRTC');
      }
      const { url } = this.options;
      const hello = ask(url, { method: 'OPTIONS', headers: this.headers({}) });
      hello.catch(() => {});
      const pc = new RTCPeerConnection();
      this.pc = pc;
      this.prepare(pc);
      const offer = await pc.createOffer();
      const answered = await hello;
      if (answered.status === 401) {
        throw await failureOf(answered);
      }
      if (isOver()) {
        return;
      }
      const iceServers = parseIceServers(answered.headers.get('Link'));
      if (iceServers.length > 0) {
        pc.setConfiguration({ iceServers });
      }
      pc.onicecandidate = ({ candidate }) => this.trickle(candidate);
      pc.onconnectionstatechange = () => this.onState(pc, isOver);
      await pc.setLocalDescription(offer);
      const { sdp } = pc.localDescription;
      this.candidates = [];
      const response = await ask(url, {
        method: 'POST',
        headers: this.headers({ 'Content-Type': 'application/sdp' }),
        body: sdp,
      });
      if (response.status !== 201) {
        throw await failureOf(response);
      }
      await this.onAnswer(pc, response, isOver);
    }

    async onAnswer(pc, response, isOver) {
      const sessionUrl = this.sessionUrlOf(response.headers.get('Location'));
      const answer = await response.text();
      if (isOver()) {
        fetch(sessionUrl, { method: 'DELETE', keepalive: true }).catch(() => {});
        return;
      }
      this.sessionUrl = sessionUrl;
      this.answer = answer;
      this.onAnswered(response);
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      this.listenForGoodbye(pc, isOver);
      this.sendCandidates();
    }

    /** The server closes a session with a DTLS alert; the connection state changes seconds later. */
    listenForGoodbye(pc, isOver) {
      for (const { receiver } of pc.getTransceivers()) {
        const { transport } = receiver;
        if (transport) {
          transport.onstatechange = () => {
            if (!isOver() && transport.state === 'closed') {
              this.failWithReason(new Error('the server ended the session'), isOver);
            }
          };
        }
      }
    }

    /** Prefers the reason of the server, which it keeps for a minute. */
    async failWithReason(error, isOver) {
      const { sessionUrl } = this;
      let known = error;
      try {
        const signal = AbortSignal.timeout ? AbortSignal.timeout(WHY_MS) : undefined;
        const response = sessionUrl ? await ask(sessionUrl, { signal }) : null;
        if (response && (response.status === 410 || response.status === 404) && !isOver()) {
          this.sessionUrl = null;
        }
        if (response && response.status === 410) {
          const { error: reason, final } = await response.json();
          known = final ? new Refusal(reason) : new Error(reason);
        }
      } catch {
        // The local reason is used.
      }
      if (!isOver()) {
        this.fail(known);
      }
    }

    /** Relative to the own URL: a proxy that adds a path prefix does not rewrite the header. */
    sessionUrlOf(location) {
      if (!location) {
        throw new Refusal('the answer has no Location: another origin may not read it');
      }
      const endpoint = new URL(this.options.url, window.location.href);
      const secret = new URL(location, endpoint).pathname.split('/').pop();
      endpoint.pathname = endpoint.pathname.replace(/\/+$/, '') + '/' + secret;
      return endpoint.toString();
    }

    onState(pc, isOver) {
      if (isOver()) {
        return;
      }
      const state = pc.connectionState;
      if (state === 'connected' && !this.isConnected) {
        this.isConnected = true;
        this.onConnected();
      } else if (state === 'disconnected') {
        this.restart();
      } else if (state === 'failed' || state === 'closed') {
        const text = this.isConnected ? 'the connection is lost' : 'no connection to the media port of the server';
        this.failWithReason(new Error(text), isOver);
      }
    }

    trickle(candidate) {
      if (candidate && candidate.candidate) {
        this.candidates.push(candidate);
        clearTimeout(this.trickleTimer);
        this.trickleTimer = setTimeout(() => this.sendCandidates(), TRICKLE_MS);
      }
    }

    /** Not during a restart: if they overtook it, the server would take them for the restart. */
    sendCandidates() {
      if (this.sessionUrl && this.pc && !this.isRestarting && this.candidates.length > 0) {
        const fragment = fragmentOf(this.pc.localDescription.sdp, this.candidates);
        this.candidates = [];
        this.patch(fragment).catch(() => {});
      }
    }

    patch(fragment) {
      return ask(this.sessionUrl, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
        body: fragment,
      });
    }

    /** Keeps the session after a network change. */
    async restart() {
      const { pc, run } = this;
      if (!pc || !this.sessionUrl || this.isRestarting || pc.signalingState !== 'stable') {
        return;
      }
      this.isRestarting = true;
      try {
        await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
        const response = await this.patch(fragmentOf(pc.localDescription.sdp, []));
        if (response.status !== 200) {
          throw await failureOf(response);
        }
        const sdp = restarted(this.answer, await response.text());
        await pc.setRemoteDescription({ type: 'answer', sdp });
        if (run === this.run) {
          this.isRestarting = false;
          this.sendCandidates();
        }
      } catch (error) {
        if (this.isClosed || run !== this.run) {
          return;
        }
        if (error instanceof Unreachable) {
          // Offline: the restart waits for a network.
          this.candidates = [];
          this.isRestarting = false;
          pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
        } else {
          this.failWithReason(error, () => this.isClosed || run !== this.run);
        }
      }
    }

    wake() {
      if (this.sessionUrl) {
        this.restart();
      } else if (!this.isClosed && this.timer) {
        clearTimeout(this.timer);
        this.timer = 0;
        this.start();
      }
    }

    lookAtNetwork() {
      const { type } = navigator.connection;
      if (type !== this.networkType) {
        this.networkType = type;
        if (type !== 'none') {
          this.wake();
        }
      }
    }

    stop() {
      this.run++;
      this.isConnected = false;
      this.isRestarting = false;
      clearTimeout(this.trickleTimer);
      this.candidates = [];
      if (this.pc) {
        this.pc.close();
        this.pc = null;
      }
      if (this.sessionUrl) {
        fetch(this.sessionUrl, { method: 'DELETE', keepalive: true }).catch(() => {});
        this.sessionUrl = null;
      }
    }

    /** Reports the error and retries if it is temporary. */
    fail(error) {
      this.stop();
      const { onError } = this.options;
      const isFinal = error instanceof Refusal;
      if (onError) {
        onError(isFinal ? error.message : error.message + ', retrying in some seconds', isFinal);
      }
      if (!isFinal && !this.isClosed) {
        this.timer = setTimeout(() => {
          this.timer = 0;
          this.start();
        }, error.retryMs || RETRY_MS);
      }
    }

    onConnected() {}
    onAnswered() {}
  }
`;
