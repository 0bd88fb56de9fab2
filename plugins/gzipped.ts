import { pipeline, type Readable } from 'node:stream';
import zlib from 'node:zlib';

/**
 * The stream in gzip, level 1, which costs next to nothing; each ends with the other. The same
 * bytes in give the same bytes out: there is no time in the header.
 */
export function gzipped(source: Readable): Readable {
  const gzip = zlib.createGzip({ level: 1 });
  // Its callback only has to be there: who reads the result sees every error.
  pipeline(source, gzip, () => undefined);
  return gzip;
}
