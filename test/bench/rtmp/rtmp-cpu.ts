import { publisherCpu } from '../publishers/publisher-cpu.ts';

// A picture is sent when it is due, as with RTMP.
const FORMAT = ['-f', 'flv', '-flush_packets', '1'];

export const rtmpCpu = publisherCpu('rtmp-cpu', {
  label: 'RTMP',
  transport: 'tcp',
  toPerch: ({ rtmp }, name) => [...FORMAT, `rtmp://127.0.0.1:${rtmp}/${name}`],
  toRelay: (port) => [...FORMAT, `tcp://127.0.0.1:${port}`],
});
