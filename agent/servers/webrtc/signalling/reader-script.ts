/**
 * `reader.js`: the class that other people's pages use to show a stream. Plain JavaScript for the browser.
 * `onError` gets a sentence for people; the reader goes on trying by itself until `close()`.
 */
export const READER_SCRIPT = String.raw`'use strict';

(() => {
  const RETRY_MS = 2000;

  /** 'Link' headers of the server, joined with commas, to RTCIceServer. */
  const parseIceServers = (header) => {
    const servers = [];
    const pattern = /<([^>]+)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g;
    for (const [, url, rest] of (header || '').matchAll(pattern)) {
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

  const reasonOf = async (response) => {
    try {
      const body = await response.json();
      return body.error || 'the server answered ' + response.status;
    } catch {
      return 'the server answered ' + response.status;
    }
  };

  class MediaMTXWebRTCReader {
    constructor(options) {
      this.options = options;
      this.isClosed = false;
      this.run = 0;
      this.timer = 0;
      this.pc = null;
      this.sessionUrl = null;
      this.start();
    }

    close() {
      this.isClosed = true;
      clearTimeout(this.timer);
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
          this.retry(error instanceof TypeError ? 'the server cannot be reached' : error.message);
        }
      }
    }

    async connect(isOver) {
      const { url, onTrack, onDataChannel } = this.options;
      const hello = await fetch(url, { method: 'OPTIONS', headers: this.headers({}) });
      if (isOver()) {
        return;
      }
      const pc = new RTCPeerConnection({ iceServers: parseIceServers(hello.headers.get('Link')) });
      this.pc = pc;
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.ontrack = (event) => onTrack && onTrack(event);
      pc.ondatachannel = (event) => onDataChannel && onDataChannel(event);
      pc.onconnectionstatechange = () => {
        if (!isOver() && (pc.connectionState === 'failed' || pc.connectionState === 'closed')) {
          this.retry('the connection is lost');
        }
      };
      await pc.setLocalDescription(await pc.createOffer());
      const response = await fetch(url, {
        method: 'POST',
        headers: this.headers({ 'Content-Type': 'application/sdp' }),
        body: pc.localDescription.sdp,
      });
      if (response.status !== 201) {
        throw new Error(await reasonOf(response));
      }
      const sessionUrl = new URL(response.headers.get('Location'), new URL(url, location.href)).toString();
      const sdp = await response.text();
      if (isOver()) {
        fetch(sessionUrl, { method: 'DELETE' }).catch(() => {});
        return;
      }
      this.sessionUrl = sessionUrl;
      await pc.setRemoteDescription({ type: 'answer', sdp });
    }

    stop() {
      this.run++;
      if (this.pc) {
        this.pc.close();
        this.pc = null;
      }
      if (this.sessionUrl) {
        fetch(this.sessionUrl, { method: 'DELETE', keepalive: true }).catch(() => {});
        this.sessionUrl = null;
      }
    }

    retry(reason) {
      this.stop();
      const { onError } = this.options;
      if (onError) {
        onError(reason + ', retrying in some seconds');
      }
      this.timer = setTimeout(() => this.start(), RETRY_MS);
    }
  }

  window.MediaMTXWebRTCReader = MediaMTXWebRTCReader;
})();
`;
