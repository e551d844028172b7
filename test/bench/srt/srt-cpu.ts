import { publisherCpu } from '../publishers/publisher-cpu.ts';

const FORMAT = ['-f', 'mpegts'];

export const srtCpu = publisherCpu('srt-cpu', {
  label: 'SRT',
  transport: 'udp',
  listen: ({ rtsp }) => ({ srtAddress: `127.0.0.1:${rtsp}` }),
  toPerch: ({ rtsp }, name) => [...FORMAT, `srt://127.0.0.1:${rtsp}?streamid=publish:${name}&pkt_size=1316`],
  toRelay: (port) => [...FORMAT, `udp://127.0.0.1:${port}?pkt_size=1316`],
});
