import type { Peer, Route } from './route.ts';
import { parseBindingRequest } from './stun.ts';

/** Who is expected: peers by the user fragment that their checks name. One book for all ports. */
export class PeerBook {
  readonly #byUfrag = new Map<string, Peer>();

  get size(): number {
    return this.#byUfrag.size;
  }

  register(ufrag: string, peer: Peer): void {
    this.#byUfrag.set(ufrag, peer);
  }

  unregister(ufrag: string): void {
    this.#byUfrag.delete(ufrag);
  }

  /** Hands a check to its peer. @returns whether it was one for anybody */
  onStun(datagram: Uint8Array, from: Route): boolean {
    const request = parseBindingRequest(datagram);
    const peer = request && this.#byUfrag.get(request.username.slice(0, request.username.indexOf(':')));
    if (!request || !peer) {
      return false;
    }
    peer.onCheck(datagram, request, from);
    return true;
  }
}
