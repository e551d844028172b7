import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeAgentPorts, until } from '../../peers/agent/agent.ts';
import type { RunningProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';
import { pull } from '../../support/clients/rtsp-pull.ts';
import { CAMERAS, cameraUrls, hasFragment, seconds, startCameras } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { meanPssMegabytes, pssMegabytes } from '../measure/proc.ts';
import { makePackages, type ShippedServer, unpackServer } from './shipped-server.ts';

const SETTLED_SECONDS = 60;
const MEASURED_SECONDS = 30;
const STARTS = 5;

interface Box {
  readonly process: RunningProcess;
  readonly dataDir: string;
  readonly url: string;
  readonly rtspPort: number;
}

/** Starts the shipped program with these paths, calls `use` and stops it. */
async function withBox<T>(
  box: ShippedServer,
  dataDir: string,
  paths: string,
  use: (box: Box) => Promise<T>,
): Promise<T> {
  const ports = await freeAgentPorts();
  const addresses = {
    address: ports.main,
    webrtcAddress: ports.webrtc,
    webrtcLocalUDPAddress: ports.media,
    webrtcLocalTCPAddress: ports.media,
    hlsAddress: ports.hls,
    playbackAddress: ports.playback,
    apiAddress: ports.api,
    metricsAddress: 0,
    rtspAddress: ports.rtsp,
    rtpAddress: ports.rtp,
    rtcpAddress: ports.rtp + 1,
  };
  const lines = Object.entries(addresses).map(([key, port]) => `${key}: 127.0.0.1:${port}\n`);
  const running = box.start(dataDir, `${lines.join('')}playback: yes\napi: yes\n${paths}`);
  try {
    await running.waitFor(/Perch is at http/);
    return await use({ process: running, dataDir, url: `http://127.0.0.1:${ports.main}`, rtspPort: ports.rtsp });
  } finally {
    await running.stop('SIGINT');
  }
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-footprint-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Files that a browser loads when the page is opened: the page itself, and those that it names. */
async function visit(url: string, cookie: string): Promise<void> {
  const page = await (await fetch(url)).text();
  const named = [...page.matchAll(/(?:src|href)="(\/?[\w.-]+\.(?:js|css))"/g)].map(([, file]) => file ?? '');
  for (const path of [...named, '/v3/system', '/v3/paths/list']) {
    const answer = await fetch(new URL(path, url), { headers: { cookie } });
    await answer.arrayBuffer();
    if (!answer.ok) {
      throw new Error(`${path} of the page: ${answer.status}`);
    }
  }
}

/** Claims the box. @returns the cookie of the owner's session */
async function claim({ url, dataDir }: Box): Promise<string> {
  const body = JSON.stringify({ password: 'a wren in the hedge', setupCode: setupCodeOf({ dataDir }) });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/v3/claim`, { method: 'POST', headers, body });
  if (!answer.ok) {
    throw new Error(`the box takes no owner: ${answer.status} ${await answer.text()}`);
  }
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

/** Perch's own setup, which the machine's network does not see. */
const ownSetup = async (): Promise<string> => `perch: own\nmdns: no\ntlsAddress: 127.0.0.1:${await freePort()}\n`;

/**
 * The owner claims the box and opens the page. The compiled code, the owner and the certificate stay for the next start.
 * @returns the cookie of the owner's session
 */
const firstVisit = (box: ShippedServer, folder: string, config: string): Promise<string> =>
  withBox(box, folder, config, async (first) => {
    const cookie = await claim(first);
    await visit(first.url, cookie);
    return cookie;
  });

function anonymousMegabytes(pid: number): number {
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Two packages are packed for minutes: both figures come from one run. */
let sizes: Promise<{ perch: number; node: number }> | undefined;

const packed = (): Promise<{ perch: number; node: number }> => {
  sizes ??= (async () => {
    using packages = await makePackages();
    return { perch: statSync(packages.perch).size / 1e6, node: statSync(packages.node).size / 1e6 };
  })();
  return sizes;
};

export const footprintPerch: Figure = {
  name: 'footprint-perch',
  unit: 'MB',
  // 1.5 without the decoder of pictures.
  goal: 1.65,
  isAbsolute: false,
  about: 'size of the package perch, of which 0.14 MB decode pictures',
  measure: async () => [(await packed()).perch],
};

export const footprintNode: Figure = {
  name: 'footprint-node',
  unit: 'MB',
  goal: 45,
  isAbsolute: false,
  about: 'size of the package perch-node',
  measure: async () => [(await packed()).node],
};

export const footprintIdle: Figure = {
  name: 'footprint-idle',
  unit: 'MB',
  goal: 50,
  isAbsolute: false,
  about: `proportional set size of Perch as packaged, in its own setup with https and without cameras, ${SETTLED_SECONDS} s after the owner has opened the page`,
  measure: async (note) => {
    using box = await unpackServer();
    return await withFolder(async (folder) => {
      // A path, or the demo camera would be there.
      const config = `${await ownSetup()}paths: { stage: { source: publisher } }\n`;
      const cookie = await firstVisit(box, folder, config);
      return withBox(box, folder, config, async ({ process, url }) => {
        await process.waitFor(/main port with TLS is open/);
        await visit(url, cookie);
        await seconds(SETTLED_SECONDS);
        note(`${anonymousMegabytes(process.pid).toFixed(1)} MB of it its own, the rest Node's program and libraries`);
        return [await meanPssMegabytes(process.pid, MEASURED_SECONDS)];
      });
    });
  },
};

export const footprintRecording: Figure = {
  name: 'footprint-recording',
  unit: 'MB',
  goal: 150,
  isAbsolute: false,
  about: `proportional set size of Perch as packaged, recording ${CAMERAS} cameras that RTSP readers watch, after ${SETTLED_SECONDS} s`,
  measure: async (note) => {
    using box = await unpackServer();
    await using cameras = await startCameras(180);
    const urls = cameraUrls(cameras);
    const lines = urls.map((url, i) => `  cam${i + 1}: { source: '${url}' }\n`);
    const setup = `${await ownSetup()}authInternalUsers: [{ user: tv, pass: wren, permissions: [{ action: read }] }]\n`;
    return await withFolder(async (folder) => {
      const cookie = await firstVisit(box, folder, `${setup}paths: { stage: { source: publisher } }\n`);
      const config = `${setup}pathDefaults: { record: yes }\npaths:\n${lines.join('')}`;
      return withBox(box, folder, config, async ({ process, dataDir, url, rtspPort }) => {
        await visit(url, cookie);
        await until(() => (recorded(dataDir).length >= CAMERAS ? true : undefined));
        const viewers = await Promise.all(urls.map((_, i) => pull(`rtsp://tv:wren@127.0.0.1:${rtspPort}/cam${i + 1}`)));
        for (const viewer of viewers) {
          viewer.on('data', () => {});
        }
        await seconds(SETTLED_SECONDS);
        note(`${anonymousMegabytes(process.pid).toFixed(1)} MB of it its own`);
        const value = pssMegabytes(process.pid);
        for (const viewer of viewers) {
          viewer.destroy();
        }
        return [value];
      });
    });
  },
};

const recorded = (dataDir: string): string[] =>
  globSync(join(dataDir, 'recordings/**/*.mp4')).filter((file) => hasFragment(file));

export const footprintFirstSample: Figure = {
  name: 'footprint-first-sample',
  unit: 'ms',
  goal: 2000,
  isAbsolute: true,
  about: "at the start of Perch: time from the camera's first answer to the first part in the recording",
  measure: async () => {
    using box = await unpackServer();
    await using cameras = await startCameras(120);
    const paths = `pathDefaults: { record: yes }\npaths:\n  cam: { source: '${cameraUrls(cameras)[0]}' }\n`;
    const values: number[] = [];
    for (let i = 0; i < STARTS; i += 1) {
      const value = await withFolder((folder) =>
        withBox(box, folder, paths, async ({ process, dataDir }) => {
          await process.waitFor(/camera connected/);
          const answeredMs = performance.now();
          while (recorded(dataDir).length === 0) {
            await seconds(0.01);
          }
          return performance.now() - answeredMs;
        }),
      );
      values.push(value);
    }
    return values;
  },
};
