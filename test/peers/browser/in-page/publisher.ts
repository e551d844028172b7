import { WHIPClient } from 'whip-whep/whip.js';

/** Runs in the page: see webrtc-publisher.ts. */
export interface PublishOptions {
  /** URL of the WHIP endpoint, or of the endpoint for talking (`/talk`). */
  readonly url: string;
  /** Such as `video/VP8`, or `any`; left out: no picture. */
  readonly video?: string;
  /** Such as `audio/opus`, or `any`; left out: no sound. */
  readonly audio?: string;
  readonly size: readonly [width: number, height: number];
  /** The client is the reference implementation. */
  readonly isWhipWhep?: boolean;
  /** Candidates follow the offer by PATCH; else the offer is posted at once and nothing follows. */
  readonly trickles?: boolean;
  /** Simulcast layers, as for video conferences. */
  readonly rids?: readonly string[];
  /** The offer is answered in JSON as ZLMediaKit does. */
  readonly isZlm?: boolean;
  /** Sends the answer's candidates elsewhere: to this port of 127.0.0.1. */
  readonly relayPort?: number;
  /** The returned media is shown. */
  readonly isEcho?: boolean;
}

export interface PublishReport {
  readonly status: number;
  /** The server's message of a rejection. */
  readonly error: string;
  readonly answer: string;
  readonly connection: string;
  readonly video: Readonly<Record<string, number | string | undefined>>;
  readonly audio: Readonly<Record<string, number | string | undefined>>;
  /** Pictures that were returned. */
  readonly returned: number;
}

class Publish {
  readonly peer = new RTCPeerConnection();
  readonly options: PublishOptions;
  status = 0;
  error = '';
  answer = '';
  location = '';
  stream: MediaStream | undefined;
  returned = 0;
  #client: WHIPClient | undefined;

  constructor(options: PublishOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const {
      url,
      video,
      audio,
      size: [width, height],
      isWhipWhep,
      rids,
      isEcho,
    } = this.options;
    this.stream = await navigator.mediaDevices.getUserMedia({
      video: video === undefined ? false : { width, height, frameRate: 25 },
      audio: audio !== undefined,
    });
    for (const track of this.stream.getTracks()) {
      const sendEncodings =
        track.kind === 'video' && rids ? rids.map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** i })) : [];
      const direction = isEcho ? 'sendrecv' : 'sendonly';
      const transceiver = this.peer.addTransceiver(track, { direction, streams: [this.stream], sendEncodings });
      prefer(transceiver, track.kind, track.kind === 'video' ? video : audio);
    }
    if (isEcho) {
      this.#show();
    }
    if (isWhipWhep) {
      this.#client = new WHIPClient();
      await this.#client.publish(this.peer, url);
      this.status = 201;
      return;
    }
    await this.#publish(url);
  }

  async #publish(url: string): Promise<void> {
    const early: RTCIceCandidate[] = [];
    this.peer.onicecandidate = ({ candidate }) => {
      if (candidate && this.options.trickles) {
        early.push(candidate);
        this.#trickle(early);
      }
    };
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const body = this.peer.localDescription?.sdp ?? '';
    const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
    this.status = response.status;
    const text = await response.text();
    const reply = this.options.isZlm ? (JSON.parse(text) as { code: number; sdp?: string; msg?: string }) : undefined;
    if ((reply?.code ?? 0) !== 0 || !response.ok) {
      this.error = reply?.msg ?? text;
      return;
    }
    this.location = response.headers.has('Location') ? new URL(response.headers.get('Location') ?? '', url).href : '';
    const { relayPort } = this.options;
    const candidate = relayPort === undefined ? '$&' : `a=candidate:1 1 udp 2130706431 127.0.0.1 ${relayPort} typ host`;
    this.answer = (reply?.sdp ?? text).replace(/a=candidate:.* udp .*(?=\r\n)/g, candidate);
    await this.peer.setRemoteDescription({ type: 'answer', sdp: this.answer });
    this.#trickle(early);
  }

  async #trickle(candidates: RTCIceCandidate[]): Promise<void> {
    const batch = this.location === '' ? [] : candidates.splice(0);
    if (batch.length === 0) {
      return;
    }
    const head = /a=ice-ufrag:.*\r\na=ice-pwd:.*\r\n/.exec(this.peer.localDescription?.sdp ?? '')?.[0] ?? '';
    const lines = batch.map(
      ({ candidate, sdpMid }) => `m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${sdpMid}\r\na=${candidate}\r\n`,
    );
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
    const { status } = await fetch(this.location, { method: 'PATCH', headers, body: head + lines.join('') });
    if (status !== 204) {
      this.error = `PATCH was answered with ${status}`;
    }
  }

  #show(): void {
    const video = document.createElement('video');
    const shown = new MediaStream();
    video.srcObject = shown;
    video.autoplay = true;
    document.body.append(video);
    this.peer.ontrack = ({ track }) => shown.addTrack(track);
    const next = (): void => {
      video.requestVideoFrameCallback(() => {
        this.returned += 1;
        next();
      });
    };
    next();
  }

  async report(): Promise<PublishReport> {
    const stats = [...(await this.peer.getStats()).values()];
    const outbound = (kind: string) => stats.find((one) => one.type === 'outbound-rtp' && one.kind === kind) ?? {};
    const { status, error, answer, returned } = this;
    const connection = this.peer.connectionState;
    return { status, error, answer, connection, video: outbound('video'), audio: outbound('audio'), returned };
  }

  /** @returns the status of the DELETE */
  async close(): Promise<number> {
    const { location } = this;
    const ended = location === '' ? undefined : await fetch(location, { method: 'DELETE' });
    await this.#client?.stop();
    this.peer.close();
    for (const track of this.stream?.getTracks() ?? []) {
      track.stop();
    }
    return ended?.status ?? 0;
  }
}

/** Only that codec, and its retransmission format. */
function prefer(transceiver: RTCRtpTransceiver, kind: string, mimeType: string | undefined): void {
  if (mimeType === 'any') {
    return;
  }
  const all = RTCRtpSender.getCapabilities(kind)?.codecs ?? [];
  const wanted = all.filter((codec) => codec.mimeType.toLowerCase() === mimeType?.toLowerCase());
  if (wanted.length === 0) {
    throw new Error(`this browser does not send ${mimeType}`);
  }
  transceiver.setCodecPreferences([...wanted, ...all.filter((codec) => codec.mimeType === 'video/rtx')]);
}

const publishers: Publish[] = [];

/** The test's interface; numbers identify publishers. */
const perchPublisher = {
  publish: async (options: PublishOptions): Promise<number> => {
    const publisher = new Publish(options);
    publishers.push(publisher);
    await publisher.start();
    return publishers.length - 1;
  },
  report: (publisher: number) => (publishers[publisher] as Publish).report(),
  close: (publisher: number) => (publishers[publisher] as Publish).close(),
};
export type PerchPublisher = typeof perchPublisher;

Object.assign(globalThis, { perchPublisher });
