import { freeUdpPair } from './free-port.ts';

/** A UDP port that no other test uses: multicast on loopback reaches all processes. Nor does the system assign it to a socket meanwhile. */
export const freeUdpPort = async (): Promise<number> => (await freeUdpPair())[0];
