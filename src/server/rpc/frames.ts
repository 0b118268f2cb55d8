/** gRPC-web's framing: one byte of flags, four of length, then the data. */

export interface Frame {
  readonly compressed: boolean;
  /** Trailers, in answers; what connect-es passes over, in requests. */
  readonly trailer: boolean;
  readonly data: Uint8Array;
}

/** Bytes in front of a frame's data. */
export const frameHeadBytes = 5;

/** The frames that are whole; what follows them is for connect-es to refuse. */
export function splitFrames(body: Uint8Array): Frame[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const frames: Frame[] = [];
  let at = 0;
  while (body.length - at >= frameHeadBytes) {
    const flags = view.getUint8(at);
    const end = at + frameHeadBytes + view.getUint32(at + 1);
    if (end > body.length) break;
    const data = body.subarray(at + frameHeadBytes, end);
    frames.push({ compressed: (flags & 1) !== 0, trailer: (flags & 128) !== 0, data });
    at = end;
  }
  return frames;
}

/** A frame of data as it is. */
export function frame(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameHeadBytes + data.length);
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, frameHeadBytes);
  return bytes;
}
