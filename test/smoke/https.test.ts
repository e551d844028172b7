import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemNames } from '../../agent/tls/device-names.ts';
import { type Agent, startAgent } from '../peers/agent/agent.ts';
import { barClip, TINY } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { freePorts } from '../support/base/free-port.ts';

const run = promisify(execFile);

/** Addresses that lead here whatever the machine's network does meanwhile. */
const ADDRESSES = ['127.0.0.1', '[::1]'];

describeWith(['curl', 'ffmpeg', 'gstreamer'], "every port over TLS with the box's own certificate", () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-https-'));
  const authority = join(folder, 'perch.pem');
  let agent: Agent;
  let ports: Readonly<Record<string, number>> = {};
  const started: AsyncDisposable[] = [];

  beforeAll(async () => {
    const [tls = 0, metrics = 0, pprof = 0] = await freePorts(3);
    const servers = ['api', 'playback', 'metrics', 'pprof'].map((name) => `${name}: yes\n${name}Encryption: yes\n`);
    const more = 'hlsEncryption: yes\nwebrtcEncryption: yes\nrtspEncryption: optional\n';
    agent = await startAgent({
      host: '',
      listen: () => ({ tlsAddress: `:${tls}`, metricsAddress: `:${metrics}`, pprofAddress: `:${pprof}` }),
      config: `${servers.join('')}${more}paths:\n  all_others:\n`,
    });
    ports = { ...agent.ports, tls, metrics, pprof };
    started.push(agent);
    writeFileSync(authority, await (await fetch(`${agent.url}/trust/perch.pem`)).text());
    started.push(await publishClip(agent, 'cam', await barClip(TINY), { isEndless: true }));
  });
  afterAll(async () => {
    for (const one of started.reverse()) {
      await one[Symbol.asyncDispose]();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const curl = async (port: number, host: string, path: string, ...options: string[]) => {
    const resolve = host.startsWith('[') ? [] : ['--resolve', `${host}:${port}:127.0.0.1`];
    const write = ['-o', '/dev/null', '-w', '%{http_code} %{http_version}'];
    const args = ['-s', '--cacert', authority, ...resolve, ...write, ...options, `https://${host}:${port}${path}`];
    return (await run('curl', args)).stdout;
  };

  test.for([
    ['tls', '/health', '200'],
    ['tls', '/', '200'],
    ['webrtc', '/cam/', '200'],
    ['hls', '/cam/', '200'],
    ['playback', '/list?path=cam', '404'],
    ['api', '/v3/paths/list', '200'],
    ['metrics', '/metrics', '200'],
    ['pprof', '/debug/pprof/', '200'],
  ] as const)(
    '%s answers curl, which trusts the authority alone, by HTTP/2 and HTTP/1.1',
    async ([name, path, code]) => {
      const port = ports[name] ?? 0;
      expect(await curl(port, 'localhost', path, '--http2')).toBe(`${code} 2`);
      expect(await curl(port, 'localhost', path, '--http1.1')).toBe(`${code} 1.1`);
    },
  );

  test('every name and address of the box is good', async () => {
    const { tls = 0 } = ports;
    for (const host of [...systemNames().dns, ...ADDRESSES]) {
      expect([host, await curl(tls, host, '/health')]).toEqual([host, '200 2']);
    }
    await expect(curl(tls, 'example.com', '/health')).rejects.toThrow();
  });

  test('HSTS is not sent: the certificate is our own', async () => {
    const answer = await new Promise<Record<string, unknown>>((resolve) => {
      const options = {
        port: ports['tls'],
        path: '/health',
        ca: readFileSync(authority),
        headers: { host: 'localhost' },
      };
      request(options, (response) => {
        response.resume();
        resolve(response.headers);
      }).end();
    });
    expect(answer['strict-transport-security']).toBeUndefined();
  });

  test('ffmpeg and GStreamer read RTSPS, whose certificate OpenSSL finds good by the authority', async () => {
    const port = ports['rtsps'];
    const url = `rtsps://localhost:${port}/cam`;
    const check = [
      's_client',
      '-connect',
      `localhost:${port}`,
      '-verify_return_error',
      '-verify_hostname',
      'localhost',
    ];
    const said = run('openssl', [...check, '-CAfile', authority]);
    said.child.stdin?.end();
    expect((await said).stdout).toContain('Verify return code: 0 (ok)');
    const ffmpeg = [
      '-v',
      'error',
      '-rtsp_transport',
      'tcp',
      '-i',
      url,
      '-frames:v',
      '10',
      '-c',
      'copy',
      '-f',
      'null',
      '-',
    ];
    expect((await run('ffmpeg', ffmpeg)).stderr).toBe('');
    const source = ['rtspsrc', `location=${url}`, 'protocols=tcp', 'tls-validation-flags=0', '!', 'rtph264depay', '!'];
    const gstreamer = run('gst-launch-1.0', [...source, 'fakesink', 'num-buffers=10']);
    // At its own end it may fail to say goodbye.
    const { stdout } = await gstreamer.catch((error: { readonly stdout: string }) => error);
    expect(stdout).toContain('Got EOS from element');
  });

  test('nothing that opens the certificate is in the log or on any page', async () => {
    const key = readFileSync(join(agent.dataDir, 'tls/server.pem'), 'utf8').split('\n')[1] ?? '';
    const text = agent.process.output() + (await (await fetch(`${agent.url}/trust`)).text());
    expect(key.length).toBe(64);
    expect(text.includes(key) || text.includes('PRIVATE KEY')).toBe(false);
  });
});
