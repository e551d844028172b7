import { type Clock, endsWithin } from '../../../base/clock.ts';
import { rethrowUnexpected } from '../../../base/errors.ts';
import type { CameraPtz } from './contract.ts';
import { PTZ_CONFIGURATION, PTZ_NODE } from './profiles.ts';
import { tag } from './soap.ts';

const KEPT_MS = 10 * 60_000;
/** Pause before the camera is asked again after a failure: it may be starting. */
const RETRY_MS = 30_000;
/** Length of a movement without Timeout, unless Stop ends it earlier; some recorders do not repeat the request. */
export const DEFAULT_MOVE_MS = 10_000;

const SPACES = 'http://www.onvif.org/ver10/tptz';
const PAN_TILT_VELOCITY = `${SPACES}/PanTiltSpaces/VelocityGenericSpace`;
const ZOOM_VELOCITY = `${SPACES}/ZoomSpaces/VelocityGenericSpace`;
export const PAN_TILT_POSITION = `${SPACES}/PanTiltSpaces/PositionGenericSpace`;
export const ZOOM_POSITION = `${SPACES}/ZoomSpaces/PositionGenericSpace`;

/** What a camera can move. */
export type PtzAxes = Awaited<ReturnType<CameraPtz['abilities']>>;
/** Axes of the camera, or undefined if it cannot move, or does not answer. */
export type PtzLookup = (path: string) => Promise<PtzAxes | undefined>;

/** Asks cameras for their axes, and caches the answers. */
export function ptzLookup(ptz: Pick<CameraPtz, 'abilities'>, clock: Clock): PtzLookup {
  const known = new Map<string, { readonly axes: Promise<PtzAxes | undefined>; untilMs: number }>();
  return async (path) => {
    const nowMs = clock.monoMs();
    let entry = known.get(path);
    if (!entry || entry.untilMs < nowMs) {
      const axes = ptz.abilities(path).then(
        (found) => (found.hasPanTilt || found.hasZoom ? found : undefined),
        (error: unknown) => {
          rethrowUnexpected(error);
          made.untilMs = clock.monoMs() + RETRY_MS;
          return undefined;
        },
      );
      const made = { axes, untilMs: nowMs + KEPT_MS };
      entry = made;
      // The map needs no limit: it has only configured cameras, of which there are at most as many as ports.
      known.set(path, entry);
    }
    // A recorder's request, such as GetProfiles, waits so long for the camera's answer.
    return (await endsWithin(clock, 2_000, entry.axes)) ? entry.axes : undefined;
  };
}

const range = (name: string, min = -1): string => `<tt:${name}><tt:Min>${min}</tt:Min><tt:Max>1</tt:Max></tt:${name}>`;
const DURATION_RANGE = `<tt:Min>PT1S</tt:Min><tt:Max>PT60S</tt:Max>`;

export function ptzConfiguration(name: string, { hasPanTilt, hasZoom, hasAbsolute }: PtzAxes): string {
  return (
    `<${name} token="${PTZ_CONFIGURATION}">${tag('tt:Name', 'PTZ')}${tag('tt:UseCount', 1)}${tag('tt:NodeToken', PTZ_NODE)}` +
    // The schema spells it so.
    (hasAbsolute && hasPanTilt ? tag('tt:DefaultAbsolutePantTiltPositionSpace', PAN_TILT_POSITION) : '') +
    (hasAbsolute && hasZoom ? tag('tt:DefaultAbsoluteZoomPositionSpace', ZOOM_POSITION) : '') +
    (hasPanTilt ? tag('tt:DefaultContinuousPanTiltVelocitySpace', PAN_TILT_VELOCITY) : '') +
    (hasZoom ? tag('tt:DefaultContinuousZoomVelocitySpace', ZOOM_VELOCITY) : '') +
    `<tt:DefaultPTZTimeout>PT${DEFAULT_MOVE_MS / 1000}S</tt:DefaultPTZTimeout></${name}>`
  );
}

const spaces = ({ hasPanTilt, hasZoom, hasAbsolute }: PtzAxes): string =>
  (hasAbsolute && hasPanTilt
    ? `<tt:AbsolutePanTiltPositionSpace>${tag('tt:URI', PAN_TILT_POSITION)}${range('XRange')}${range('YRange')}</tt:AbsolutePanTiltPositionSpace>`
    : '') +
  (hasAbsolute && hasZoom
    ? `<tt:AbsoluteZoomPositionSpace>${tag('tt:URI', ZOOM_POSITION)}${range('XRange', 0)}</tt:AbsoluteZoomPositionSpace>`
    : '') +
  (hasPanTilt
    ? `<tt:ContinuousPanTiltVelocitySpace>${tag('tt:URI', PAN_TILT_VELOCITY)}${range('XRange')}${range('YRange')}</tt:ContinuousPanTiltVelocitySpace>`
    : '') +
  (hasZoom
    ? `<tt:ContinuousZoomVelocitySpace>${tag('tt:URI', ZOOM_VELOCITY)}${range('XRange')}</tt:ContinuousZoomVelocitySpace>`
    : '');

export const ptzNode = (name: string, axes: PtzAxes): string =>
  `<${name} token="${PTZ_NODE}">${tag('tt:Name', 'PTZ')}<tt:SupportedPTZSpaces>${spaces(axes)}</tt:SupportedPTZSpaces>` +
  `${tag('tt:MaximumNumberOfPresets', axes.maxPresets)}${tag('tt:HomeSupported', axes.hasHome)}</${name}>`;

export const ptzOptions = (name: string, axes: PtzAxes): string =>
  `<${name}><tt:Spaces>${spaces(axes)}</tt:Spaces><tt:PTZTimeout>${DURATION_RANGE}</tt:PTZTimeout></${name}>`;
