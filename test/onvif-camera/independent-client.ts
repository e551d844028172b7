import onvif from 'onvif/promises/index.js';
import type { OnvifCamera } from './camera.ts';

/** Calls of tests to npm's `onvif`, whose types are incomplete. */
export interface IndependentClient {
  readonly profiles: readonly { readonly $: { readonly token: string } }[];
  connect(): Promise<void>;
  getDeviceInformation(): Promise<Readonly<Record<string, string>>>;
  getStreamUri(options: { protocol: string; profileToken: string }): Promise<{ readonly uri: string }>;
  getSnapshotUri(options: { profileToken: string }): Promise<{ readonly uri: string }>;
  continuousMove(options: { x: number; y: number; zoom: number; timeout?: number }): Promise<unknown>;
  stop(options: { panTilt: boolean; zoom: boolean }): Promise<unknown>;
  getStatus(options: object): Promise<{ readonly position: Readonly<Record<'x' | 'y' | 'zoom', number>> }>;
  getPresets(options: object): Promise<Readonly<Record<string, { readonly $: { readonly token: string } }>>>;
  setPreset(options: { presetName: string }): Promise<unknown>;
  gotoPreset(options: { preset: string }): Promise<unknown>;
  gotoHomePosition(options: object): Promise<unknown>;
  createPullPointSubscription(): Promise<unknown>;
  pullMessages(options: { messageLimit: number }): Promise<unknown>;
  renew(options: object): Promise<unknown>;
  unsubscribe(): Promise<unknown>;
}

/** A client that others have written, connected to the camera: so that the simulation is not made to our own misreadings. */
export async function connectIndependent(
  { url, state }: OnvifCamera,
  password = state.credentials?.password ?? '',
): Promise<IndependentClient> {
  const { hostname, port, pathname } = new URL(url);
  const cam = new onvif.Cam({
    hostname,
    port: Number(port),
    path: pathname,
    username: state.credentials?.user ?? '',
    password,
    autoconnect: false,
    timeout: 5_000,
  }) as unknown as IndependentClient;
  await cam.connect();
  return cam;
}
