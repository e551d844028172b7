import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { takeRequests } from '../../../../agent/features/fleet/bus/answering.ts';
import { BoxSide } from '../../../../agent/features/fleet/bus/box-side.ts';
import { BusLink } from '../../../../agent/features/fleet/bus/bus-link.ts';
import type { BusConnection } from '../../../../agent/features/fleet/bus/connection.ts';
import type { Credential } from '../../../../agent/features/fleet/bus/credential.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { takeOrders } from '../../../../agent/features/fleet/bus/dialing.ts';
import { LearntHosts } from '../../../../agent/features/fleet/bus/learnt-hosts.ts';
import type { LoadBoxes, LoadOrder, LoadState } from './load.ts';
import { signNatively } from './native-signatures.ts';
import { ScriptedSource } from './scripted-source.ts';

/**
 * A process with many boxes. Each has the code, the files and the connection of a real one, which takes requests and orders, too. They are
 * paired with no server, and their cameras report when told.
 */

/** How long an event of a camera is ongoing. */
const EVENT_MS = 5_000;
const TURN_MS = 20;

const unknown = () => Promise.reject(new PerchError('unauthorized', 'this box calls no server', { why: 'unknown' }));
const UNPAIRED = { dialer: { now: { run: '', timeS: 0 }, trust: async () => {}, obey: unknown } };

class LoadBox {
  readonly #source = new ScriptedSource();
  readonly #side: BoxSide;
  readonly #link: BusLink;
  readonly #cameras: readonly string[];
  #turn = 0;

  constructor(box: string, credential: Credential, { url, folder: parent, cameras }: LoadBoxes) {
    this.#cameras = cameras;
    this.#source.list = cameras.map((path) => ({ path, name: `Camera ${path}`, ready: true, recording: false }));
    const folder = join(parent, box);
    mkdirSync(folder);
    writeFileSync(join(folder, CREDENTIAL_FILE), JSON.stringify(credential), { mode: 0o600 });
    const options = { source: this.#source, box, folder, clock: systemClock, log: silentLogger };
    const learnt = new LearntHosts(folder, silentLogger);
    const onConnected = async (connection: BusConnection, current: Credential) => {
      takeRequests(connection, box, current, { ...options, note: () => {}, route: (_, response) => response.end() });
      await takeOrders(connection, box, current, {
        links: UNPAIRED,
        servers: { list: () => [] },
        learnt,
        log: silentLogger,
      });
    };
    this.#side = new BoxSide({ ...options, onConnected });
    const serverSide = () => {
      throw new Error('this is a box');
    };
    this.#link = new BusLink({ ...options, url, boxSide: () => this.#side, serverSide });
  }

  get isConnected(): boolean {
    return this.#link.status.state === 'connected';
  }

  get queued(): number {
    return this.#side.queued;
  }

  /** The next camera reports motion, records it, and ends some seconds later. @param name of the event */
  move(name: string): void {
    const path = this.#cameras[this.#turn % this.#cameras.length] ?? '';
    const startUs = Date.now() * 1000;
    this.#turn += 1;
    this.#record(path, true);
    this.#source.happens(name, false, path, startUs);
    setTimeout(() => {
      this.#record(path, false);
      this.#source.happens(name, true, path, startUs);
    }, EVENT_MS);
  }

  #record(path: string, recording: boolean): void {
    this.#source.change(this.#source.list.map((camera) => (camera.path === path ? { ...camera, recording } : camera)));
  }
}

signNatively();
const boxes: LoadBox[] = [];
let moving: NodeJS.Timeout | undefined;
let made = 0;

function move(box: LoadBox | undefined, name: string): void {
  made += 1;
  box?.move(`${name}-${process.pid}-${made}`);
}

/** Events of one box after the other. @param perSecond of all boxes together */
function moveInTurn(perSecond: number): void {
  clearInterval(moving);
  const beganMs = performance.now();
  let done = 0;
  moving = setInterval(() => {
    const due = Math.floor(((performance.now() - beganMs) * perSecond) / 1000);
    for (; done < due; done += 1) {
      move(boxes[done % boxes.length], 'turn');
    }
  }, TURN_MS);
}

process.on('message', (order: LoadOrder) => {
  switch (order.do) {
    case 'open':
      for (const [box, credential] of order.boxes.credentials) {
        boxes.push(new LoadBox(box, credential, order.boxes));
      }
      break;
    case 'turns':
      moveInTurn(order.perSecond);
      break;
    case 'all':
      for (const box of boxes) {
        move(box, order.name);
      }
      break;
    case 'tell': {
      const connected = boxes.filter(({ isConnected }) => isConnected).length;
      const state: LoadState = { connected, queued: boxes.reduce((sum, { queued }) => sum + queued, 0), made };
      process.send?.(state);
    }
  }
});
process.on('disconnect', () => process.exit());
