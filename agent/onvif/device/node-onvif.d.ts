/** The part of node-onvif 0.1.7 that requests.ts uses; the package has no types. */

interface OnvifReply {
  /** The reply element; `unknown` because a file with imports could not declare modules. */
  readonly element: unknown;
  /** The reply as an object; node-onvif reads only the time from it, and copes without `Body`. */
  readonly converted: object;
}

/** Target of a service object's requests: the parsed URL, passed to `requestCommand`. */
type OnvifAddress = object;

interface OnvifService {
  readonly oxaddr: OnvifAddress;
}

interface OnvifDeviceService extends OnvifService {
  getDeviceInformation(): Promise<OnvifReply>;
  getNetworkProtocols(): Promise<OnvifReply>;
  getNetworkInterfaces(): Promise<OnvifReply>;
  getScopes(): Promise<OnvifReply>;
  reboot(): Promise<OnvifReply>;
}

interface OnvifMediaService extends OnvifService {
  getProfiles(): Promise<OnvifReply>;
  getSnapshotUri(params: { ProfileToken: string }): Promise<OnvifReply>;
  getStreamUri(params: { ProfileToken: string; Protocol: 'RTSP' | 'UDP' | 'HTTP' }): Promise<OnvifReply>;
  getVideoEncoderConfigurations(): Promise<OnvifReply>;
}

interface OnvifPtzService extends OnvifService {
  getConfigurations(): Promise<OnvifReply>;
  getPresets(params: { ProfileToken: string }): Promise<OnvifReply>;
  gotoPreset(params: { ProfileToken: string; PresetToken: string }): Promise<OnvifReply>;
  setPreset(params: { ProfileToken: string; PresetToken?: string; PresetName?: string }): Promise<OnvifReply>;
  removePreset(params: { ProfileToken: string; PresetToken: string }): Promise<OnvifReply>;
  gotoHomePosition(params: { ProfileToken: string }): Promise<OnvifReply>;
  stop(params: { ProfileToken: string; PanTilt?: boolean; Zoom?: boolean }): Promise<OnvifReply>;
}

type OnvifServiceParams = { xaddr: string; time_diff: number };

declare module 'node-onvif/lib/modules/service-device.js' {
  const Device: new (params: OnvifServiceParams) => OnvifDeviceService;
  export = Device;
}

declare module 'node-onvif/lib/modules/service-media.js' {
  const Media: new (params: OnvifServiceParams) => OnvifMediaService;
  export = Media;
}

declare module 'node-onvif/lib/modules/service-ptz.js' {
  const Ptz: new (params: OnvifServiceParams) => OnvifPtzService;
  export = Ptz;
}

declare module 'node-onvif/lib/modules/soap.js' {
  const soap: { requestCommand(address: OnvifAddress, method: string, envelope: string): Promise<OnvifReply> };
  export = soap;
}
