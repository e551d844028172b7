import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from './process.ts';

/** 29.0.2: major 8 bits, minor 8, patch 16. An older one opens a dialog. */
const VERSION = (29 << 24) | 2;
const SIZE = { width: 640, height: 360 };
/** ABGR. */
const GREEN = 0xff_00_ff_00;

const ini = (sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>): string =>
  Object.entries(sections)
    .map(
      ([name, keys]) =>
        `[${name}]\n${Object.entries(keys)
          .map(([key, value]) => `${key}=${value}\n`)
          .join('')}`,
    )
    .join('\n');

const GLOBAL = ini({
  General: { FirstRun: 'true', LastVersion: VERSION, EnableAutoUpdates: 'false' },
  Basic: { Profile: 'test', ProfileDir: 'test', SceneCollection: 'test', SceneCollectionFile: 'test' },
});
const PROFILE = ini({
  General: { Name: 'test' },
  Output: { Mode: 'Simple', Reconnect: 'false' },
  SimpleOutput: { VBitrate: 500, ABitrate: 96, StreamEncoder: 'x264', Preset: 'ultrafast', UseAdvanced: 'true' },
  Video: { BaseCX: SIZE.width, BaseCY: SIZE.height, OutputCX: SIZE.width, OutputCY: SIZE.height },
});
/** A green picture. OBS streams by its command line only when it has loaded a collection. */
const SCENES = {
  name: 'test',
  current_scene: 'Scene',
  current_program_scene: 'Scene',
  scene_order: [{ name: 'Scene' }],
  sources: [
    { id: 'color_source_v3', versioned_id: 'color_source_v3', name: 'Colour', settings: { color: GREEN, ...SIZE } },
    {
      ...{ id: 'scene', versioned_id: 'scene', name: 'Scene' },
      settings: { id_counter: 1, items: [{ name: 'Colour', id: 1, visible: true, align: 5 }] },
    },
  ],
};

/** OBS on a display in memory, streaming a green picture and silence as its settings tell: *Custom*, server and stream key. */
export async function startObs(
  server: string,
  key: string,
): Promise<AsyncDisposable & { readonly obs: RunningProcess }> {
  const home = mkdtempSync(join(tmpdir(), 'perch-obs-'));
  const folder = join(home, '.config/obs-studio');
  const profile = join(folder, 'basic/profiles/test');
  mkdirSync(profile, { recursive: true });
  mkdirSync(join(folder, 'basic/scenes'));
  writeFileSync(join(folder, 'global.ini'), GLOBAL);
  writeFileSync(join(profile, 'basic.ini'), PROFILE);
  writeFileSync(join(profile, 'service.json'), JSON.stringify({ type: 'rtmp_custom', settings: { server, key } }));
  writeFileSync(join(folder, 'basic/scenes/test.json'), JSON.stringify(SCENES));
  const screen = startProcess('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x720x24']);
  const [, display] = await screen.waitFor(/^(\d+)$/m);
  const env = { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), XDG_RUNTIME_DIR: home, DISPLAY: `:${display}` };
  const obs = startProcess('obs', ['--startstreaming', '--multi'], { ...env, LIBGL_ALWAYS_SOFTWARE: '1' });
  return {
    obs,
    async [Symbol.asyncDispose]() {
      await obs.stop('SIGKILL');
      await screen.stop('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}
