import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, freeAgentPorts, startAgent, until } from '../../peers/agent/agent.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
/** What Wireshark complains about. */
const FAULTS =
  'tcp.analysis.lost_segment || tcp.analysis.retransmission || tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0';
const fingerprint = new X509Certificate(readFileSync(`${TLS}/camera.crt`)).fingerprint256.replaceAll(':', '');

/** Each protocol with itself as its source. */
const configOf = (ports: Agent['ports'], srt: number): string => `dumpPackets: yes
${['rtsp', 'rtmp', 'hls'].map((name) => `${name}ServerKey: ${TLS}/camera.key\n${name}ServerCert: ${TLS}/camera.crt\n`).join('')}
rtspEncryption: optional
rtmpEncryption: optional
hlsEncryption: yes
hlsVariant: mpegts
pathDefaults: {sourceFingerprint: '${fingerprint}'}
paths:
  cam: {}
  tcp: {source: 'rtsp://127.0.0.1:${ports.rtsp}/cam', rtspTransport: tcp}
  udp: {source: 'rtsp://127.0.0.1:${ports.rtsp}/cam', rtspTransport: udp}
  tls: {source: 'rtsps://127.0.0.1:${ports.rtsps}/cam', rtspTransport: tcp}
  rtmp: {source: 'rtmp://127.0.0.1:${ports.rtmp}/cam'}
  rtmps: {source: 'rtmps://127.0.0.1:${ports.rtmps}/cam'}
  srt: {source: 'srt://127.0.0.1:${srt}?streamid=read:cam'}
  hls: {source: 'https://127.0.0.1:${ports.hls}/cam/index.m3u8'}
`;

/** What tshark makes of a file. @param ports whose protocol it cannot know */
async function shown(file: string, { rtsp, rtsps, rtmp, rtmps, hls }: Agent['ports'], srt: number, ...args: string[]) {
  const secure = [rtsps, rtmps, hls].map((port) => `tcp.port==${port},tls`);
  const rules = [`tcp.port==${rtsp},rtsp`, `tcp.port==${rtmp},rtmpt`, `udp.port==${srt},srt`, ...secure];
  const decodeAs = [...rules, `tls.port==${hls},http`].flatMap((rule) => ['-d', rule]);
  const { code, output } = await runProcess('/usr/bin/tshark', ['-n', '-r', file, ...CHECKS, ...decodeAs, ...args]);
  expect(`${code} ${output.slice(0, 2_000)}`).toMatch(/^0 /);
  return output;
}

const CHECKS = ['tcp', 'udp', 'ip'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);

describeWith(['ffmpeg', 'tshark', 'curl'], 'the files of dumpPackets', () => {
  test('hold every connection, decrypted, as Wireshark reads them', { timeout: 180_000 }, async () => {
    using folder = temporaryFolder();
    const [ports, srt] = [await freeAgentPorts(), await freeUdpPort()];
    {
      await using agent = await startAgent({
        config: configOf(ports, srt),
        ports,
        cwd: folder.path,
        listen: () => ({ srtAddress: `127.0.0.1:${srt}` }),
      });
      await using _ = await startPublisher(agent.rtspUrl('cam'));
      for (const path of ['tcp', 'udp', 'tls', 'rtmp', 'rtmps', 'srt', 'hls']) {
        await until(async () => (await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`)).ready || undefined);
      }
      const list = `https://127.0.0.1:${ports.hls}/cam/index.m3u8`;
      expect((await runProcess('curl', ['-skL', '-c', '-', '--http2', list])).output).toContain('#EXTM3U');
      expect(agent.process.output()).toMatch(/WAR dumpPackets writes all connections/);
      // The addresses of connections with TLS, too.
      expect(agent.process.output()).not.toMatch(/remote=(?: |:0)/);
    }
    const files = readdirSync(folder.path).map((name) => join(folder.path, name));
    // One file for each call of tshark, whose start takes half a second of processor time.
    const merged = async (some: readonly string[]): Promise<string> => {
      const [first = ''] = some;
      const whole = `${first}.merged`;
      expect(await runProcess('/usr/bin/mergecap', ['-w', whole, ...some])).toEqual({ code: 0, output: '' });
      return whole;
    };
    const filesOf = (prefix: string) => files.filter((file) => basename(file).startsWith(`${prefix}_1`));
    const textOf = async (prefix: string): Promise<string> => shown(await merged(filesOf(prefix)), ports, srt);
    const decrypted = async (prefix: string): Promise<string> => {
      const follow = ['-q', '-z', 'follow,tls,ascii,0'];
      const texts = await Promise.all(filesOf(prefix).map((file) => shown(file, ports, srt, ...follow)));
      return texts.join('\n');
    };
    for (const file of files) {
      expect(basename(file)).toMatch(/^[a-z_]+_\d{19}_[\da-f-]{36}\.pcapng$/);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    for (const side of ['server', 'source']) {
      // A connection within Perch is in a file of each side.
      const ofSide = files.filter((file) => basename(file).includes('_source_') === (side === 'source'));
      expect(await shown(await merged(ofSide), ports, srt, '-Y', FAULTS)).not.toMatch(/^ *\d+ /m);
      expect(await textOf(`rtsp_${side}_conn`)).toMatch(/DESCRIBE rtsp:.*[\s\S]*Reply: RTSP\/1.0 200 OK/);
      expect(await textOf(`rtsp_${side}_packet_conn`)).toMatch(/ UDP /);
      expect(await decrypted(`rtsps_${side}_conn`)).toMatch(/DESCRIBE rtsps:/);
      expect(await textOf(`rtmp_${side}_conn`)).toMatch(/RTMP .*createStream\(\)/);
      expect(await decrypted(`rtmps_${side}_conn`)).toContain('tcUrl');
      expect(await textOf(`srt_${side}_packet_conn`)).toMatch(/SRT .*handshake/i);
    }
    expect(await textOf('https_source_conn')).toMatch(/GET \/cam\/index.m3u8/);
    expect(await textOf('hls_server_conn')).toMatch(/HTTP2 .*GET \/cam\/index.m3u8/);
    expect(await textOf('http_server_conn')).toMatch(/GET \/v3\/paths\/get\/tcp/);
  });
});
