import type { XmlElement } from '@rgrove/parse-xml';
import { findText, plainLine } from '../soap/xml/xml.ts';

/** What a camera says that it is: its own claims, one line each. */
export interface DeviceInformation {
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly firmware: string | undefined;
  readonly serial: string | undefined;
  readonly hardware: string | undefined;
}

export function readInformation(response: XmlElement): DeviceInformation {
  return {
    manufacturer: plainLine(findText(response, 'Manufacturer')),
    model: plainLine(findText(response, 'Model')),
    firmware: plainLine(findText(response, 'FirmwareVersion')),
    serial: plainLine(findText(response, 'SerialNumber')),
    hardware: plainLine(findText(response, 'HardwareId')),
  };
}
