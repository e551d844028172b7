import type { XmlElement } from '@rgrove/parse-xml';
import { find, findNumber, findText, plainLine } from '../soap/xml.ts';

export interface DeviceInformation {
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly firmware: string | undefined;
  readonly serial: string | undefined;
}

/** A media profile; cameras leave out what they like. */
export interface CameraProfile {
  readonly token: string;
  readonly name: string;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  /** As ONVIF writes it: `H264`, `JPEG`, `MPEG4`. */
  readonly codec: string | undefined;
}

export function parseInformation(response: XmlElement): DeviceInformation {
  return {
    manufacturer: plainLine(findText(response, 'Manufacturer')),
    model: plainLine(findText(response, 'Model')),
    firmware: plainLine(findText(response, 'FirmwareVersion')),
    serial: plainLine(findText(response, 'SerialNumber')),
  };
}

/** Path and query of the Media 1 service; its host and port are a claim that nobody follows. */
export function mediaPathOf(response: XmlElement): string | undefined {
  const xaddr = findText(response, 'Capabilities', 'Media', 'XAddr') ?? '';
  if (!URL.canParse(xaddr)) {
    return undefined;
  }
  const url = new URL(xaddr);
  return url.pathname + url.search;
}

/** A profile with a picture; one without a video encoder (sound or metadata only) is none of ours. */
export function parseProfile(element: XmlElement): CameraProfile | undefined {
  const attributes = new Map(Object.entries(element.attributes));
  const token = plainLine(attributes.get('token'));
  const encoder = find(element, 'VideoEncoderConfiguration');
  if (token === undefined || !encoder) {
    return undefined;
  }
  return {
    token,
    name: plainLine(findText(element, 'Name')) ?? token,
    width: findNumber(encoder, 'Resolution', 'Width'),
    height: findNumber(encoder, 'Resolution', 'Height'),
    fps: findNumber(encoder, 'RateControl', 'FrameRateLimit'),
    codec: plainLine(findText(encoder, 'Encoding')),
  };
}
