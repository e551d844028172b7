/** The part of node-onvif 0.1.7 that device.ts uses; the package brings no types. */

interface OnvifReply {
  /** The reply as it came. */
  readonly soap: string;
  /** The reply as an object; of it node-onvif reads the time alone, and does without when `Body` is missing. */
  readonly converted: object;
}

/** Where a service object sends its requests: the parsed URL, handed to `requestCommand` as it is. */
type OnvifAddress = object;

interface OnvifService {
  oxaddr: OnvifAddress;
  /** Camera clock minus ours, for the time stamp of the login token. */
  time_diff: number;
  setAuth(user: string, password: string): void;
}

interface OnvifDeviceService extends OnvifService {
  getSystemDateAndTime(): Promise<OnvifReply>;
  getCapabilities(): Promise<OnvifReply>;
  getServices(params: { IncludeCapability: boolean }): Promise<OnvifReply>;
  getDeviceInformation(): Promise<OnvifReply>;
}

interface OnvifMediaService extends OnvifService {
  getProfiles(): Promise<OnvifReply>;
  getSnapshotUri(params: { ProfileToken: string }): Promise<OnvifReply>;
  getStreamUri(params: { ProfileToken: string; Protocol: 'RTSP' | 'UDP' | 'HTTP' }): Promise<OnvifReply>;
}

declare module 'node-onvif' {
  const onvif: {
    readonly OnvifDevice: new (params: {
      xaddr: string;
    }) => { readonly services: { readonly device: OnvifDeviceService } };
  };
  export = onvif;
}

declare module 'node-onvif/lib/modules/service-media.js' {
  const Media: new (params: { xaddr: string; time_diff: number }) => OnvifMediaService;
  export = Media;
}

declare module 'node-onvif/lib/modules/soap.js' {
  const soap: { requestCommand(address: OnvifAddress, method: string, envelope: string): Promise<OnvifReply> };
  export = soap;
}
