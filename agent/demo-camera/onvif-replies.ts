/** Replies of the demo camera's ONVIF Device and Media services, version 10. */

export interface DeviceIdentity {
  /** For discovery: the same at every start, so an adopted camera is recognised. */
  readonly endpoint: string;
  readonly scopes: readonly string[];
  readonly manufacturer: string;
  readonly model: string;
  readonly firmware: string;
  readonly serial: string;
}

export const DEMO_IDENTITY: DeviceIdentity = {
  endpoint: 'urn:uuid:70657263-6864-4e6f-8000-000000000001',
  scopes: [
    'onvif://www.onvif.org/type/video_encoder',
    'onvif://www.onvif.org/Profile/Streaming',
    'onvif://www.onvif.org/name/Perch%20demo',
    'onvif://www.onvif.org/hardware/Demo%20camera',
    'onvif://www.onvif.org/location/inside%20this%20computer',
    'onvif://www.onvif.org/manufacturer/Perch',
  ],
  manufacturer: 'Perch',
  model: 'Demo camera',
  firmware: '1',
  serial: 'demo',
};

export interface StreamProfile {
  readonly token: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Pictures from one key frame to the next. */
  readonly group: number;
  readonly kbitPerSecond: number;
  readonly rtspUrl: string;
}

/** The values that replies contain. */
export interface DemoFacts {
  readonly identity: DeviceIdentity;
  readonly deviceUrl: string;
  readonly mediaUrl: string;
  readonly profiles: readonly StreamProfile[];
  readonly unixMs: number;
}

const NAMESPACES =
  'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"' +
  ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"' +
  ' xmlns:ter="http://www.onvif.org/ver10/error"';

/** @param body XML with the prefixes of this module */
export function envelope(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope ${NAMESPACES}><s:Body>${body}</s:Body></s:Envelope>`;
}

/** A SOAP 1.2 fault with one of ONVIF's subcodes (ONVIF Core §5.11). */
export function writeFault(isSender: boolean, subcode: string, reason: string): string {
  const code = isSender ? 's:Sender' : 's:Receiver';
  return envelope(
    `<s:Fault><s:Code><s:Value>${code}</s:Value><s:Subcode><s:Value>ter:${subcode}</s:Value></s:Subcode></s:Code>` +
      `<s:Reason><s:Text xml:lang="en">${reason}</s:Text></s:Reason></s:Fault>`,
  );
}

/**
 * The reply to an operation; undefined for an unknown one.
 * @param argument finds the text of the first element of a local name in the request
 */
export function writeReply(
  operation: string,
  facts: DemoFacts,
  argument: (name: string) => string | undefined,
): string | undefined {
  switch (operation) {
    case 'GetSystemDateAndTime':
      return envelope(dateAndTime(facts.unixMs));
    case 'GetDeviceInformation':
      return envelope(information(facts.identity));
    case 'GetCapabilities':
      return envelope(capabilities(facts));
    case 'GetServices':
      return envelope(services(facts));
    case 'GetScopes':
      return envelope(
        `<tds:GetScopesResponse>${facts.identity.scopes
          .map(
            (scope) => `<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>${scope}</tt:ScopeItem></tds:Scopes>`,
          )
          .join('')}</tds:GetScopesResponse>`,
      );
    case 'GetProfiles':
      return envelope(
        `<trt:GetProfilesResponse>${facts.profiles.map((each) => writeProfile(each)).join('')}</trt:GetProfilesResponse>`,
      );
    case 'GetVideoEncoderConfigurations':
      return envelope(
        `<trt:GetVideoEncoderConfigurationsResponse>${facts.profiles
          .map((each) => writeEncoder('trt:Configurations', each))
          .join('')}</trt:GetVideoEncoderConfigurationsResponse>`,
      );
    case 'GetStreamUri':
      return streamUri(facts, argument('ProfileToken'));
    default:
      return undefined;
  }
}

function information({ manufacturer, model, firmware, serial }: DeviceIdentity): string {
  return (
    `<tds:GetDeviceInformationResponse><tds:Manufacturer>${manufacturer}</tds:Manufacturer><tds:Model>${model}</tds:Model>` +
    `<tds:FirmwareVersion>${firmware}</tds:FirmwareVersion><tds:SerialNumber>${serial}</tds:SerialNumber>` +
    '<tds:HardwareId>software</tds:HardwareId></tds:GetDeviceInformationResponse>'
  );
}

function dateAndTime(unixMs: number): string {
  const now = new Date(unixMs);
  return (
    '<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>' +
    '<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>' +
    `<tt:Time><tt:Hour>${now.getUTCHours()}</tt:Hour><tt:Minute>${now.getUTCMinutes()}</tt:Minute>` +
    `<tt:Second>${now.getUTCSeconds()}</tt:Second></tt:Time>` +
    `<tt:Date><tt:Year>${now.getUTCFullYear()}</tt:Year><tt:Month>${now.getUTCMonth() + 1}</tt:Month>` +
    `<tt:Day>${now.getUTCDate()}</tt:Day></tt:Date>` +
    '</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>'
  );
}

function capabilities({ deviceUrl, mediaUrl }: DemoFacts): string {
  return (
    '<tds:GetCapabilitiesResponse><tds:Capabilities>' +
    `<tt:Device><tt:XAddr>${deviceUrl}</tt:XAddr></tt:Device>` +
    `<tt:Media><tt:XAddr>${mediaUrl}</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast>` +
    '<tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>' +
    '</tds:Capabilities></tds:GetCapabilitiesResponse>'
  );
}

function services({ deviceUrl, mediaUrl }: DemoFacts): string {
  const service = (room: string, url: string) =>
    `<tds:Service><tds:Namespace>http://www.onvif.org/ver10/${room}/wsdl</tds:Namespace><tds:XAddr>${url}</tds:XAddr>` +
    '<tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>';
  const list = service('device', deviceUrl) + service('media', mediaUrl);
  return `<tds:GetServicesResponse>${list}</tds:GetServicesResponse>`;
}

/** @param more configurations in addition to those of picture and sound */
export function writeProfile(each: StreamProfile, more = ''): string {
  return (
    `<trt:Profiles token="${each.token}" fixed="true"><tt:Name>${each.token}</tt:Name>` +
    '<tt:VideoSourceConfiguration token="video"><tt:Name>video</tt:Name><tt:UseCount>2</tt:UseCount>' +
    '<tt:SourceToken>video</tt:SourceToken><tt:Bounds x="0" y="0" width="640" height="360"/></tt:VideoSourceConfiguration>' +
    writeEncoder('tt:VideoEncoderConfiguration', each) +
    '<tt:AudioEncoderConfiguration token="audio"><tt:Name>audio</tt:Name><tt:UseCount>2</tt:UseCount>' +
    '<tt:Encoding>G711</tt:Encoding><tt:Bitrate>64</tt:Bitrate><tt:SampleRate>8</tt:SampleRate>' +
    `${MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:AudioEncoderConfiguration>${more}</trt:Profiles>`
  );
}

/** The schema wants it, also where there is none. */
const MULTICAST =
  '<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>' +
  '<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>';

export function writeEncoder(element: string, each: StreamProfile): string {
  return (
    `<${element} token="${each.token}"><tt:Name>${each.token}</tt:Name><tt:UseCount>1</tt:UseCount>` +
    `<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>${each.width}</tt:Width><tt:Height>${each.height}</tt:Height>` +
    `</tt:Resolution><tt:Quality>100</tt:Quality><tt:RateControl><tt:FrameRateLimit>${each.fps}</tt:FrameRateLimit>` +
    `<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>${each.kbitPerSecond}</tt:BitrateLimit></tt:RateControl>` +
    `<tt:H264><tt:GovLength>${each.group}</tt:GovLength><tt:H264Profile>Baseline</tt:H264Profile></tt:H264>` +
    `${MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout></${element}>`
  );
}

function streamUri(facts: DemoFacts, token: string | undefined): string {
  const wanted = facts.profiles.find((each) => each.token === token);
  return wanted
    ? envelope(
        `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>${wanted.rtspUrl}</tt:Uri>` +
          '<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>' +
          '<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>',
      )
    : writeFault(true, 'NoProfile', 'no profile of this token');
}

/** ProbeMatches of WS-Discovery 2005/04. @param relatesTo MessageID of the probe, escaped */
export function writeProbeMatches(
  messageId: string,
  relatesTo: string,
  { endpoint, scopes }: DeviceIdentity,
  deviceUrl: string,
): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' +
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"' +
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"' +
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">' +
    '<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>' +
    `<a:MessageID>${messageId}</a:MessageID><a:RelatesTo>${relatesTo}</a:RelatesTo>` +
    '<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To></s:Header>' +
    '<s:Body><d:ProbeMatches><d:ProbeMatch>' +
    `<a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference>` +
    `<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>${scopes.join(' ')}</d:Scopes>` +
    `<d:XAddrs>${deviceUrl}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>` +
    '</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>'
  );
}
