/** The other end of a connection, for messages. */
export interface Peer {
  /** A server: of HLS or WHEP. */
  readonly noun: 'camera' | 'server' | 'destination';
  /** Name of the path. */
  readonly path: string;
}

export const cameraOf = (path: string): Peer => ({ noun: 'camera', path });

/** `camera of path 'door'` */
export const phraseOf = ({ noun, path }: Peer): string => `${noun} of path '${path}'`;
