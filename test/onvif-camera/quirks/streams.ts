export interface StreamQuirks {
  /** The host in stream addresses. */
  streamHost?: string;
  /** The port in stream addresses: that of HTTP, none at all, or this one. */
  streamPort?: 'http' | 'none' | number;
  /** A request for RTSP over HTTP is answered with `rtsp://` at port 80. */
  answersHttpTunnelWithPort80?: boolean;
  /** Path and query of a stream by the profile's token, such as `/Streaming/Channels/101?profile=Profile_1`. */
  streamPaths?: Readonly<Record<string, string>>;
  /** Form of the address in the reply. */
  streamUriText?: 'spaced' | 'escaped twice';
  /** Suffix of the address, such as a user in the maker's form: `?user=admin_password=tlJwpbo6_channel=1`. */
  streamUriEnd?: string;
  /** Tokens of profiles for whose stream address the camera is too busy (HTTP 503). */
  busyAddresses?: readonly string[];
  /** Answer to DESCRIBE by the profile's token: this status, or none at all. */
  describes?: Readonly<Record<string, 453 | 503 | 404 | 'never'>>;
  /** DESCRIBE with a login, if the camera has one, is answered after this time. */
  describeMs?: number;
  /** The description has a back channel, which cannot be set up. */
  backChannel?: 'when asked' | 'always';
  /** RTSP login; default: MD5, if the camera has credentials. */
  rtspLogin?: 'none' | 'basic' | 'md5' | 'sha256' | 'both';
  /** The user may use ONVIF, but not watch: its login is rejected over RTSP. */
  rejectsStreamLogin?: true;
  /** An unknown path is 404 before login, where other cameras ask for the password first. */
  tellsPathsBeforeLogin?: boolean;
}
