import { join } from 'node:path';
import { setPacketDump } from '../../base/packet-dump/dump-connections.ts';
import { PacketDump } from '../../base/packet-dump/packet-dump.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { Host } from '../../features/contract.ts';

export interface PacketFilesDeps extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly cwd: string;
}

/** `dumpPackets`. It starts before servers and paths, whose UDP sockets open after it. */
export const packetFiles = ({ cwd, dataDir, clock, log }: PacketFilesDeps): Component<Config> => ({
  name: 'packet files (dumpPackets)',
  settings: ({ dumpPackets }) => dumpPackets || undefined,
  start: async () => {
    const dump = new PacketDump({ cwd, otherFolder: join(dataDir, 'packets'), clock, log });
    setPacketDump(dump);
    return () => {
      setPacketDump(undefined);
      return dump.close();
    };
  },
});
