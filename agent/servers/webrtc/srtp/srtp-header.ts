import type { PacketSlots } from '../transport/packet-slots.ts';
import type { Batch, OutboundTrack } from './srtp.ts';

/** No sources, no extension: the same for every packet that we send. */
export const HEADER_BYTES = 12;

/** Writes the RTP header of a batch's packet (RFC 3550 §5.1) at a slot. */
export function writeHeader(batch: Batch, i: number, packetIndex: number, slots: PacketSlots, slot: number): void {
  const track = batch.tracks[i] as OutboundTrack;
  const view = slots.view;
  view.setUint8(slot, 0x80);
  view.setUint8(slot + 1, ((batch.markers[i] as number) << 7) | track.payloadType);
  view.setUint16(slot + 2, packetIndex % 65_536);
  view.setUint32(slot + 4, ((batch.timestamps[i] as number) + track.timestampOffset) >>> 0);
  view.setUint32(slot + 8, track.ssrc);
}
