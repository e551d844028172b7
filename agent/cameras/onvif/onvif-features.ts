import { join } from 'node:path';
import { cameraNetworkAddress, isInCameraNetwork } from '../../../system/camera-network.ts';
import type { UnknownTopic } from '../../onvif/events/detections.ts';
import type { PathStatus } from '../../paths/path-status.ts';
import { Controls } from './controls.ts';
import { EventSubscriptions, type EventSubscriptionsOptions } from './event-subscriptions.ts';
import { SubscriptionFile } from './subscription-file.ts';

interface OnvifFeaturesOptions
  extends Pick<EventSubscriptionsOptions, 'clock' | 'log' | 'config' | 'isReplaced' | 'isTurning'> {
  readonly dataDir: string;
  readonly recordings: {
    readonly events: { readonly hub: EventSubscriptionsOptions['events'] };
    readonly isClockTrusted: boolean;
  };
  readonly paths: { find(path: string): Pick<PathStatus, 'ready' | 'sourceState'> | undefined };
  /** Folder of the answers of root's services. */
  readonly hostAnswers?: string;
}

/** What ONVIF adds to the stream of a camera: events and control. */
export class OnvifFeatures {
  readonly controls: Controls;
  readonly #subscriptions: EventSubscriptions;
  readonly #memory: SubscriptionFile;
  #hasBegun = false;

  constructor(options: OnvifFeaturesOptions) {
    const { config, dataDir, clock, log, isReplaced, isTurning, recordings, paths, hostAnswers } = options;
    this.#memory = new SubscriptionFile(join(dataDir, 'camera-subscriptions.json'), clock, log);
    this.#subscriptions = new EventSubscriptions({
      config,
      clock,
      log,
      isReplaced,
      isTurning,
      isMissing: (path) => {
        const { ready, sourceState } = paths.find(path) ?? {};
        return sourceState === 'waiting' || (sourceState === 'running' && !ready);
      },
      memory: this.#memory,
      events: recordings.events.hub,
      isClockTrusted: () => recordings.isClockTrusted,
      timeServerFor: (host) => {
        const address = cameraNetworkAddress(hostAnswers);
        return isInCameraNetwork(host, address) ? address : undefined;
      },
    });
    const isRelayOn: EventSubscriptions['isRelayOn'] = (...asked) => this.#subscriptions.isRelayOn(...asked);
    this.controls = new Controls({ config, clock, log, isRelayOn });
  }

  /** Call when the recorders accept events. */
  async begin(): Promise<void> {
    await this.#memory.load();
    this.#hasBegun = true;
    this.apply();
  }

  apply(): void {
    if (this.#hasBegun) {
      this.controls.apply();
      this.#subscriptions.apply();
    }
  }

  /** Topics of the camera of a path that no rule names. */
  unknownTopics(path: string): readonly UnknownTopic[] {
    return this.#subscriptions.unknownTopics(path);
  }

  async close(): Promise<void> {
    await Promise.all([this.controls.close(), this.#subscriptions.close()]);
  }
}
