import {libc} from './libc.ts';

/**
Ends this process now, with an exit code.

`process.exit` waits for the threads that read and write files, and one that reads a fifo to which nobody writes waits forever.

@throws {TsbuildError} `ERR_TSBUILD_UNSUPPORTED_HOST`
@see https://man7.org/linux/man-pages/man2/_exit.2.html
*/
export function endProcess(exitCode: number): void {
	libc()._exit(exitCode);
}
