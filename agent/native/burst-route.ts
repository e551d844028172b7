import { constants } from 'node:os';
import { type SocketAddress, socketAddress } from './socket-address.ts';

const { EINVAL, EIO, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP } = constants.errno;
/** Errors of a route that takes no bursts: its MTU is smaller than a packet, or its interface has no transmit checksum offload. */
const REFUSED: readonly number[] = [EINVAL, EIO, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP];
/** Batches sent without bursts before the next try, about a minute of video: the kernel forgets a small path MTU. */
const REFUSED_BATCHES = 1_500;

/** A destination of bursts, and whether the route to it accepts them now. */
export class BurstRoute {
  readonly address: SocketAddress;
  /** Batches that are still to be sent without bursts. */
  #refusedBatches = 0;

  private constructor(address: SocketAddress) {
    this.address = address;
  }

  /** @returns undefined if packets can only be sent by Node */
  static to(ip: string, port: number): BurstRoute | undefined {
    const address = socketAddress(ip, port);
    return address && new BurstRoute(address);
  }

  /** Called once for each batch. @returns whether it may be sent as bursts */
  takesBatch(): boolean {
    if (this.#refusedBatches > 0) {
      this.#refusedBatches -= 1;
      return false;
    }
    return true;
  }

  /** @param errno error number of sendmsg(2) @param packets number of packets in the burst */
  onError(errno: number, packets: number): void {
    if (packets > 1 && REFUSED.includes(errno)) {
      this.#refusedBatches = REFUSED_BATCHES;
    }
  }
}
