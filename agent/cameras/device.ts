import { type Clock, systemClock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { type CameraProfile, type DeviceInformation, mediaPathOf, parseInformation, parseProfile } from './replies.ts';
import { skewOf } from './skew.ts';
import { callSoap, type SoapTarget } from './soap.ts';
import { elements, escapeXml, find, findText, readXml } from './xml.ts';

const CALL_DEADLINE_MS = 5_000;
const MAX_REPLY_BYTES = 1 << 20;
/** A recorder may offer hundreds; nobody adopts that many at once. */
const MAX_PROFILES = 64;

export interface OpenCameraOptions {
  /** Of the device service, as discovery gives it. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly signal: AbortSignal;
  /** For each call; 5 s when not given. */
  readonly callDeadlineMs?: number;
  readonly clock?: Clock;
}

/** What a camera says of itself and of its streams. */
export interface OnvifCamera {
  readonly url: string;
  readonly information: DeviceInformation;
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** Those that can be pulled over RTSP, in the camera's order. `rtspUrl` has the camera's host and no credentials. */
  readonly profiles: readonly (CameraProfile & { readonly rtspUrl: string })[];
}

/** Reads a camera through ONVIF (Device and Media 1). Fails with words for the person who wants to add it. */
export async function openCamera(options: OpenCameraOptions): Promise<OnvifCamera> {
  const url = deviceUrl(options.url);
  const { OnvifDevice, Media } = await loadOnvif();
  const target: SoapTarget = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    path: url.pathname + url.search,
    hasLogin: Boolean(options.user),
    deadlineMs: options.callDeadlineMs ?? CALL_DEADLINE_MS,
    signal: options.signal,
  };
  const { device } = new OnvifDevice({ xaddr: url.href }).services;
  pin(device, { ...target, hasLogin: false });
  // Without login first: a token that bears a wrong time would be refused by cameras that are strict about it.
  const skewMs = await readSkew(device, options.clock ?? systemClock);

  const login = (service: OnvifService, path: string) => {
    pin(service, { ...target, path });
    service.time_diff = skewMs;
    // Set here, not in a constructor: those refuse passwords with < and > or beyond ASCII. The name goes into XML as it is.
    service.setAuth(escapeXml(options.user ?? ''), options.password ?? '');
  };
  login(device, target.path);
  const information = parseInformation(await ask(device.getDeviceInformation(), 'GetDeviceInformationResponse'));
  const media = new Media({ xaddr: url.href, time_diff: skewMs });
  login(media, await readMediaPath(device));
  return { url: url.href, information, skewMs, profiles: await readProfiles(media, target.host) };
}

function deviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') {
    throw new PerchError('unsupported', 'ONVIF over https is not supported', { host: url.host });
  }
  if (url?.protocol !== 'http:') {
    throw new PerchError('badInput', `'${text.slice(0, 100)}' is not the http address of an ONVIF device`);
  }
  return url;
}

/** Targets by the address object that node-onvif hands through to the one function that calls. */
const targets = new WeakMap<OnvifAddress, SoapTarget>();

function pin(service: OnvifService, target: SoapTarget): void {
  targets.set(service.oxaddr, target);
}

/**
 * Loads node-onvif when the first camera is opened, and puts our call in the place of its own: that one has neither
 * deadline nor limit, and its pretty-printing of every reply holds up the program for a second per megabyte.
 */
async function loadOnvif() {
  const [{ default: onvif }, { default: Media }, { default: soap }] = await Promise.all([
    import('node-onvif'),
    import('node-onvif/lib/modules/service-media.js'),
    import('node-onvif/lib/modules/soap.js'),
  ]);
  if (typeof soap.requestCommand !== 'function') {
    throw new Error('node-onvif has changed: its soap module has no requestCommand');
  }
  soap.requestCommand = callPinned;
  return { OnvifDevice: onvif.OnvifDevice, Media };
}

async function callPinned(address: OnvifAddress, _method: string, envelope: string): Promise<OnvifReply> {
  const target = targets.get(address);
  if (!target) {
    throw new Error('an ONVIF service that was not pinned');
  }
  return { soap: await callSoap(target, envelope), converted: {} };
}

/** The response element of a call. */
async function ask(call: Promise<OnvifReply>, response: string) {
  const { soap } = await call;
  const element = find(readXml(Buffer.from(soap), MAX_REPLY_BYTES), 'Body', response);
  if (!element) {
    throw new PerchError('badInput', `the camera's reply has no ${response}`);
  }
  return element;
}

/** A camera that does not tell its time, or only after login, is taken to be right. */
async function readSkew(device: OnvifDeviceService, clock: Clock): Promise<number> {
  const sentMs = clock.wallMs();
  try {
    const response = await ask(device.getSystemDateAndTime(), 'GetSystemDateAndTimeResponse');
    return skewOf(response, (sentMs + clock.wallMs()) / 2);
  } catch (error) {
    if (error instanceof PerchError && isAnswer(error)) {
      return 0;
    }
    throw error;
  }
}

/** The camera is there and speaks ONVIF, it only does not want to say this. */
function isAnswer(error: PerchError): boolean {
  return error.code !== 'notFound' && (error.code === 'badInput' || error.context['status'] !== undefined);
}

async function readMediaPath(device: OnvifDeviceService): Promise<string> {
  const path = mediaPathOf(await ask(device.getCapabilities(), 'GetCapabilitiesResponse'));
  if (path === undefined) {
    throw new PerchError('unsupported', 'the camera has no ONVIF media service of the first version');
  }
  return path;
}

async function readProfiles(media: OnvifMediaService, host: string): Promise<OnvifCamera['profiles']> {
  const response = await ask(media.getProfiles(), 'GetProfilesResponse');
  const profiles: (CameraProfile & { rtspUrl: string })[] = [];
  let failure: unknown;
  for (const element of elements(response, 'Profiles').slice(0, MAX_PROFILES)) {
    const profile = parseProfile(element);
    if (!profile) {
      continue;
    }
    try {
      const asked = media.getStreamUri({ ProfileToken: escapeXml(profile.token), Protocol: 'RTSP' });
      const uri = findText(await ask(asked, 'GetStreamUriResponse'), 'MediaUri', 'Uri');
      profiles.push({ ...profile, rtspUrl: pinnedRtspUrl(uri ?? '', host) });
    } catch (error) {
      // One profile may be switched off; a camera that does not answer at all is not asked for the others.
      if (error instanceof PerchError && error.code === 'timeout') {
        throw error;
      }
      failure = error;
    }
  }
  if (profiles.length === 0) {
    throw new PerchError('unsupported', 'the camera has no profile with an RTSP stream', {}, failure);
  }
  return profiles;
}

/** Cameras behind a router or with an old setting name another host in their stream addresses; port, path and query are right. */
function pinnedRtspUrl(uri: string, host: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== 'rtsp:' && url?.protocol !== 'rtsps:') {
    throw new PerchError('badInput', `'${uri.slice(0, 100)}' is not an RTSP address`);
  }
  url.hostname = host.includes(':') ? `[${host}]` : host;
  url.username = '';
  url.password = '';
  return url.href;
}
