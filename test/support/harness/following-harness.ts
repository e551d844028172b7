import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import { Follower, type FollowerDeps } from '../../../agent/cameras/following/follower.ts';
import { ConfigStore } from '../../../agent/config/store/store.ts';
import type { FoundCamera } from '../../../agent/onvif/discovery/found-camera.ts';
import { LoginMemory } from '../../../agent/onvif/soap/login/login-memory.ts';
import { type OnvifCamera, type OnvifCameraOptions, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { KEYS } from './loaded-config.ts';

const LOGIN = { user: 'admin', password: 'secret' };

/** A network without multicast: the next scan finds its cameras, or they send Hello. */
class Neighbourhood {
  readonly here: OnvifCamera[] = [];
  scans = 0;
  #known: FoundCamera[] = [];
  readonly #listeners = new Set<(camera: FoundCamera) => void>();

  find = (endpoint: string): FoundCamera[] => this.#known.filter((camera) => camera.endpoint === endpoint);

  scan = async (): Promise<void> => {
    this.scans += 1;
    this.#known = [];
    for (const camera of this.here) {
      this.hello(camera);
    }
  };

  hello(camera: OnvifCamera, endpoint = camera.endpoint): void {
    const { address, url } = camera;
    const texts = { name: undefined, hardware: undefined, location: undefined, manufacturer: undefined };
    const found = { endpoint, address, url, foundFrom: '127.0.0.1', ...texts };
    this.#known = [...this.#known.filter((known) => known.url !== url || known.endpoint !== endpoint), found];
    for (const listener of this.#listeners) {
      listener(found);
    }
  }

  onFound = (listener: (camera: FoundCamera) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** A follower of real cameras on the network, with its own configuration file and a fake clock. */
export async function openFollowing(more: Partial<FollowerDeps> = {}) {
  const clock = new FakeClock();
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-following-'));
  const file = join(dataDir, 'perch.yml');
  const found = new Neighbourhood();
  const published: unknown[] = [];
  const ends: (() => unknown)[] = [() => rmSync(dataDir, { recursive: true })];
  onTestFinished(async () => {
    for (const end of ends.reverse()) {
      await end();
    }
  });
  return {
    clock,
    found,
    published,
    written: () => readFileSync(file, 'utf8'),
    /** A camera in the network, on the test's clock. @param isOpen it needs no login */
    async camera(options: OnvifCameraOptions, isOpen = false): Promise<OnvifCamera> {
      const camera = await startOnvifCamera({ clock, ...(isOpen ? {} : { credentials: LOGIN }), ...options });
      ends.push(() => camera[Symbol.asyncDispose]());
      found.here.push(camera);
      return camera;
    },
    async follow(text: string): Promise<Follower> {
      writeFileSync(file, text);
      const store = await ConfigStore.open({
        file,
        cwd: dataDir,
        dataDir,
        env: {},
        keys: KEYS,
        clock,
        log: silentLogger,
      });
      const follower = new Follower({
        ...{ clock, log: silentLogger, found, logins: new LoginMemory(clock) },
        config: () => store.current,
        revise: (plan) => store.revise(plan, 'camera'),
        variableOf: () => undefined,
        publish: (type, fields) => published.push({ type, ...fields }),
        isInNetworkOf: () => true,
        ...more,
      });
      ends.push(() => follower.close());
      return follower;
    },
  };
}

/** The entries of a camera as adoption writes them, with a person's additions. */
export const entryOf = (
  name: string,
  camera: OnvifCamera,
  { serial = camera.state.identity.serial, more = '' } = {},
) => `
  ${name}: # over the door
    source: ${camera.rtspUrl()}?tcp=1 # kept
    record: no
    camera:
      onvif: ${camera.url}
      endpoint: ${camera.endpoint}
      serial: ${serial}
      user: admin
      password: secret
${more}`;
