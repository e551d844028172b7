import { parseBindingRequest } from '../../../transports/webrtc/link/stun.ts';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';

/** Finds peers by the user fragment of their checks; shared by all ports. */
export class UfragTable {
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

  /** @returns whether the check belongs to a peer */
  onStun(datagram: Uint8Array, from: Transport): boolean {
    const request = parseBindingRequest(datagram);
    const peer = request && this.#byUfrag.get(request.username.slice(0, request.username.indexOf(':')));
    if (!request || !peer) {
      return false;
    }
    peer.onCheck(datagram, request, from);
    return true;
  }
}
