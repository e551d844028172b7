import type { XmlElement } from '@rgrove/parse-xml';
import { elements, findText } from '../soap/xml/xml.ts';

/** Ports that a camera reports. */
export interface NetworkPorts {
  readonly rtsp: readonly number[];
  readonly http: readonly number[];
}

const MAX_ENTRIES = 16;

/** GetNetworkProtocolsResponse, ONVIF Core §8.2.11, without disabled protocols. */
export function readPorts(response: XmlElement | undefined): NetworkPorts {
  const rtsp: number[] = [];
  const http: number[] = [];
  for (const protocol of elements(response, 'NetworkProtocols').slice(0, MAX_ENTRIES)) {
    const name = findText(protocol, 'Name')?.toUpperCase();
    const into = name === 'RTSP' ? rtsp : name === 'HTTP' || name === 'HTTPS' ? http : undefined;
    if (findText(protocol, 'Enabled') === 'false') {
      continue;
    }
    for (const port of elements(protocol, 'Port').slice(0, MAX_ENTRIES)) {
      const number = Number(findText(port));
      if (Number.isInteger(number) && number > 0 && number < 65_536) {
        into?.push(number);
      }
    }
  }
  return { rtsp, http };
}

/** GetNetworkInterfacesResponse: identifies cameras without a usable serial number. Lower case, with colons. */
export function readHardwareAddresses(response: XmlElement | undefined): string[] {
  return elements(response, 'NetworkInterfaces')
    .slice(0, MAX_ENTRIES)
    .flatMap((one) => {
      const digits = (findText(one, 'Info', 'HwAddress') ?? '').toLowerCase().replace(/[^0-9a-f]/g, '');
      return digits.length === 12 && !/^0+$/.test(digits) ? [digits.replace(/..(?!$)/g, '$&:')] : [];
    });
}

/** GetEndpointReferenceResponse: the `urn:uuid:…` of discovery, for cameras that were not discovered. */
export function readEndpoint(response: XmlElement | undefined): string | undefined {
  const guid = (findText(response, 'GUID') ?? '').toLowerCase().replace(/^urn:uuid:|^uuid:/, '');
  return /^[0-9a-f-]{16,64}$/.test(guid) ? `urn:uuid:${guid}` : undefined;
}
