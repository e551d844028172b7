import type { BoxSource, CameraState } from '../../../../agent/features/fleet/bus/box-side.ts';
import type { CameraEvent } from '../../../../agent/record/events/event.ts';

/** What a box publishes, as the test says. */
export class ScriptedSource implements BoxSource {
  readonly version = '1.2.3';
  list: CameraState[] = [{ path: 'gate', name: 'Gate', ready: true, recording: true }];
  readonly #events = new Set<(event: CameraEvent) => void>();
  readonly #changes = new Set<() => void>();
  cameras = () => this.list;
  outages = () => [];
  onEvent = (listener: (event: CameraEvent) => void) => {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  };
  onChange = (listener: () => void) => {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  };

  happens(id: string, isOver = true, path = 'gate', startUs = Date.now() * 1000): void {
    const more = { path, type: 'motion', text: '', source: 'camera' } as const;
    for (const listener of this.#events) {
      listener({ id, ...more, startUs, endUs: isOver ? Date.now() * 1000 : undefined });
    }
  }

  change(list: CameraState[]): void {
    this.list = list;
    for (const listener of this.#changes) {
      listener();
    }
  }
}
