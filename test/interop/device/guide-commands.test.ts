import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { type Agent, OWNER_PASSWORD, startAgent, until } from '../../peers/agent/agent.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A `curl` command of a document, with its lines joined. */
interface Command {
  readonly file: string;
  readonly text: string;
}

/** The commands in code blocks. One that ends within a quotation, or with a backslash, has another line. */
function commandsOf(file: string): Command[] {
  const blocks = readFileSync(join(ROOT, file), 'utf8').matchAll(/^ *```\w*\n(.*?)^ *```$/gms);
  return [...blocks].flatMap(([, block = '']) => {
    const commands: string[] = [];
    let open = '';
    for (const line of block.split('\n')) {
      open += open === '' ? line.trim() : `\n${line.trim()}`;
      const isOpen = open.endsWith('\\') || (open.split("'").length - 1) % 2 === 1;
      if (!isOpen) {
        commands.push(open);
        open = '';
      }
    }
    return commands.filter((text) => text.startsWith('curl ')).map((text) => ({ file, text }));
  });
}

const COMMANDS = globSync(['README.md', 'docs/guide/**/*.md', 'docs/reference/*.md'], { cwd: ROOT })
  .sort()
  .flatMap(commandsOf);

/** Commands for other machines. */
const ELSEWHERE: readonly (readonly [part: RegExp, why: string])[] = [
  [/--cacert/, 'the network has no perch.local'],
  [/index\/api/, "ZLMediaKit's API is off, and its suite asks it"],
  [/localhost:9997/, 'the API port of a MediaMTX file'],
  [/\/v3\/camera-network/, 'the box has no port for cameras'],
  [/\/v3\/disks\/places/, 'the box has no second disk'],
  [/"recorder"/, 'there is no recorder'],
  [/\/debug\/pprof/, 'takes 20 s and is off'],
  [/\/v3\/events\?|log\/live/, 'never ends'],
];

/** What the placeholders of an example name does not exist here: the route answers, and says so. */
const REFUSED: readonly (readonly [part: RegExp, status: readonly number[], why: string])[] = [
  [/perchupdate|perchbackup/, [400, 413, 501], 'the file is empty'],
  [/v3\/claim|v3\/session |v3\/guest$/, [400, 401], 'the password, code or token is made up'],
  [/-b jar/, [401], 'so there is no session'],
  [
    /\/ID\b|"ID"|transfer\/(pause|resume|cancel)|\/mnt\/|"archive"/,
    [400, 404, 409, 412, 502, 503],
    'an id or folder of another box',
  ],
  [/cameras\/adopt/, [400, 404], 'the camera does not exist'],
  [/\/v3\/recordings\/deletions$/, [404], 'the recordings are protected'],
  [/picture\.jpg|frame\.mp4|playback\/get|deletesegment/, [400, 404], 'nothing is recorded at that time'],
];

const CONFIG = `perch: own
tlsAddress: 127.0.0.1:0
api: yes
paths:
  door: {source: RTSP, record: yes}
  garden: {source: RTSP, record: yes}
  living: {source: RTSP}
  yard: {source: RTSP}
  garage: {source: RTSP}
`;

describeWith(['curl'], 'the curl commands of the guides', () => {
  let camera: OnvifCamera;
  let agent: Agent;
  let folder: string;
  beforeAll(async () => {
    camera = await startOnvifCamera();
    agent = await startAgent({ config: CONFIG.replaceAll('RTSP', camera.rtspUrl()), isOwned: true });
    folder = mkdtempSync(join(tmpdir(), 'perch-guide-'));
    await until(async () => {
      const { items } = await agent.json<{ items: { ready: boolean }[] }>('/v3/paths/list');
      return items.length === 5 && items.every(({ ready }) => ready) ? true : undefined;
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await camera[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** As a user adapts it: host and password. */
  const adapted = (text: string): string => {
    const login = `-u 'owner:${OWNER_PASSWORD}'`;
    const named = text
      .replace(/-u owner(:PASSWORD)?(?=\s)/, login)
      .replace('"$api', `"${agent.url}/v3`)
      .replaceAll(/\bhttp:\/\/(HOST|box)(:8080)?\b/g, agent.url)
      .replace('"name":"ann","password":"…"', '"name":"ann","password":"a red kite"');
    const isLogin = named.includes(login) || /-[bc] jar|v3\/claim|trust/.test(named);
    return named.replace(/^curl/, `curl -sS -m 20 ${isLogin ? '' : login} -w '\\n%{http_code}'`);
  };

  test('there are commands, and each is for this machine or named as one for others', () => {
    expect(COMMANDS.length).toBeGreaterThan(50);
    for (const [part] of [...ELSEWHERE, ...REFUSED]) {
      expect(
        COMMANDS.some(({ text }) => part.test(text)),
        `${part}`,
      ).toBe(true);
    }
  });

  test.for(COMMANDS.filter(({ text }) => !ELSEWHERE.some(([part]) => part.test(text))))(
    '$file: $text',
    async ({ text }) => {
      const files = 'touch perch-1.2.3.perchupdate perch-HOST-2026-11-21.perchbackup';
      const { output } = await runProcess('sh', ['-c', `cd '${folder}'; ${files}; ${adapted(text)}`]);
      const status = Number(output.trim().split('\n').at(-1));
      const [, refusals = []] = REFUSED.find(([part]) => part.test(text)) ?? [];
      const isGood = (status >= 200 && status < 300) || refusals.includes(status);
      expect(isGood, `${status}: ${adapted(text)}\n${output.slice(-500)}`).toBe(true);
      expect(output).not.toMatch(/route|no such (page|method)/i);
    },
  );
});
