import { PerchError } from '../../../../agent/base/errors.ts';
import type { MqttCamera, MqttSource } from '../../../../agent/features/mqtt/link/contracts.ts';
import type { CameraEvent } from '../../../../agent/record/events/event.ts';

export const PICTURE = Buffer.from('ffd8ffe000104a464946', 'hex');
/** A camera that is online and recorded. */
export const mqttCamera = (path: string, more: Partial<MqttCamera> = {}): MqttCamera => ({
  path,
  name: path,
  hasPicture: true,
  isOnline: true,
  isRecording: true,
  ...more,
});

/** What the link publishes; commands are noted. */
export class ScriptedMqttSource implements MqttSource {
  readonly version = '1.2.3';
  readonly name = 'Perch test';
  list: MqttCamera[] = [mqttCamera('door'), mqttCamera('garden/back', { hasPicture: false })];
  running: CameraEvent[] = [];
  readonly done: string[] = [];
  readonly #events = new Set<(event: CameraEvent) => void>();
  readonly #changes = new Set<() => void>();
  cameras = () => this.list;
  device = async () => ({ cpu: 12.5, disk: 80, temperature: 51, newest: '1.3.0' });
  picture = async () => PICTURE;
  /** Presets of the camera `door`; undefined: it does not answer. */
  doorPresets: readonly string[] | undefined = ['Gate', 'Street'];
  presets = async (path: string) =>
    path === 'door' && this.doorPresets ? this.doorPresets : Promise.reject(new PerchError('notFound', 'no'));
  ongoing = () => this.running;
  onEvent = (listener: (event: CameraEvent) => void) => {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  };
  onChange = (listener: () => void) => {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  };
  commands = {
    record: async (path: string, isOn: boolean) => void this.done.push(`record ${path} ${isOn}`),
    goToPreset: async (path: string, name: string) => void this.done.push(`preset ${path} ${name}`),
    recordClip: async (path: string) => void this.done.push(`clip ${path}`),
  };

  happens(id: string, type: string, isOver: boolean, path = 'door'): void {
    const nowUs = Date.now() * 1000;
    const endUs = isOver ? nowUs : undefined;
    const event: CameraEvent = { id, path, type, startUs: nowUs, endUs, text: '', source: 'camera' };
    for (const listener of this.#events) {
      listener(event);
    }
  }

  change(list: MqttCamera[]): void {
    this.list = list;
    for (const listener of this.#changes) {
      listener();
    }
  }
}
