import { errorFromResponse, UI_HEADER } from '../api-client/request.ts';
import { encodeName } from '../api-client/urls.ts';
import { sessionAddress } from '../player/session/source.ts';

const addressOf = (path: string): string => `webrtc/${encodeName(path)}/talk`;

/** Whether the user may talk through the camera, and it has a loudspeaker. */
export async function mayTalk(path: string, signal: AbortSignal): Promise<boolean> {
  const answer = await fetch(addressOf(path), { method: 'OPTIONS', headers: UI_HEADER, signal });
  return answer.headers.get('Perch-Talk') === 'yes';
}

/** Cache of the service worker with the link of the button that was pressed. */
const PRESSED = 'perch-pressed';
/** The page opens within this time. */
const PRESSED_MS = 60_000;

/**
 * Whether a button of a notification has just opened this link; true once. Any page can make a link, which must not switch the microphone
 * on.
 */
export async function takePressed(link: string): Promise<boolean> {
  const cache = await caches.open(PRESSED);
  const kept = await cache.match(PRESSED);
  await cache.delete(PRESSED);
  const pressed = (await kept?.json()) as { readonly link: string; readonly at: number } | undefined;
  return pressed?.link === link && Math.abs(Date.now() - pressed.at) < PRESSED_MS;
}

/** Audio sent to the camera. Closing it releases the microphone. */
export class TalkConnection {
  readonly #path: string;
  readonly #peer = new RTCPeerConnection();
  readonly #onEnded: () => void;
  #microphone: MediaStream | undefined;
  #session: string | undefined;
  #isClosed = false;

  /** @param onEnded not called after `close` */
  constructor(path: string, onEnded: () => void) {
    this.#path = path;
    this.#onEnded = onEnded;
  }

  /** Resolves when the camera plays. Rejects with the browser's DOMException, or the box's reason. */
  async open(): Promise<void> {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.#microphone = await navigator.mediaDevices.getUserMedia({ audio });
    this.#throwIfClosed();
    for (const track of this.#microphone.getTracks()) {
      this.#peer.addTransceiver(track, { direction: 'sendonly' });
    }
    const connected = this.#connected();
    // The step that fails below reports the failure; this only prevents an unhandled rejection.
    connected.catch(() => {});
    await this.#offer();
    await connected;
  }

  async #offer(): Promise<void> {
    const peer = this.#peer;
    await peer.setLocalDescription();
    const response = await fetch(addressOf(this.#path), {
      method: 'POST',
      headers: { ...UI_HEADER, 'Content-Type': 'application/sdp' },
      body: peer.localDescription?.sdp ?? '',
    });
    if (!response.ok) {
      throw await errorFromResponse(response);
    }
    this.#session = sessionAddress(addressOf(this.#path), response.headers.get('Location') ?? '');
    const sdp = await response.text();
    this.#throwIfClosed();
    await peer.setRemoteDescription({ type: 'answer', sdp });
    // The box may end the connection, for example when the right to talk is revoked. `connectionState` changes many seconds later.
    const transport = peer.getSenders()[0]?.transport;
    transport?.addEventListener('statechange', () => {
      if (transport.state === 'closed' && !this.#isClosed) {
        this.#onEnded();
      }
    });
  }

  #throwIfClosed(): void {
    if (this.#isClosed) {
      this.#end();
      throw new DOMException('let go before it was open', 'AbortError');
    }
  }

  #connected(): Promise<void> {
    const peer = this.#peer;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no connection')), 8_000);
      peer.addEventListener('connectionstatechange', () => {
        if (peer.connectionState === 'connected') {
          clearTimeout(timer);
          resolve();
        } else if ((peer.connectionState === 'failed' || peer.connectionState === 'closed') && !this.#isClosed) {
          clearTimeout(timer);
          reject(new Error('no connection'));
          this.#onEnded();
        }
      });
    });
  }

  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#end();
    }
  }

  #end(): void {
    for (const track of this.#microphone?.getTracks() ?? []) {
      track.stop();
    }
    const session = this.#session;
    this.#session = undefined;
    const deleted =
      session && fetch(session, { method: 'DELETE', headers: UI_HEADER, keepalive: true }).catch(() => {});
    // A closed session cannot be deleted afterwards.
    void Promise.resolve(deleted).then(() => this.#peer.close());
  }
}
