import type {ReportStatus} from '../kernel/internal-vertex.ts';

// What ends sooner is told as BuildKit tells it: without amounts.
const silentMilliseconds = 1000;

// Often enough for an eye.
const reportMilliseconds = 100;

/** Counts the bytes of all uploads of a push, and tells of them as one status while they last. */
export class PushMeter {
	readonly #report: ReportStatus;
	readonly #sent = new Map<symbol, number>();
	#started: number | undefined;
	#reportedAt = 0;

	constructor(report: ReportStatus) {
		this.#report = report;
	}

	#tell(): void {
		const now = Date.now();
		this.#started ??= now;
		if (now - this.#started < silentMilliseconds || now - this.#reportedAt < reportMilliseconds) {
			return;
		}

		this.#reportedAt = now;
		const current = this.#sent.values().reduce((sum, bytes) => sum + bytes, 0);
		this.#report({id: 'pushing layers', current, started: this.#started});
	}

	/** For `onProgress` of one upload. */
	count(): (sentBytes: number) => void {
		const upload = Symbol('upload');
		return sentBytes => {
			this.#sent.set(upload, sentBytes);
			this.#tell();
		};
	}

	/** The layers are there. */
	finish(): void {
		this.#report({id: 'pushing layers', started: this.#started ?? Date.now(), completed: true});
	}
}
