// The axis: nanoseconds after the start, but long gaps in which nothing ran take little of it, as in
// `ui/src/waterfall/scale.rs`.
import type { Header } from "./payload";

export interface Gap { start: number; end: number; begin: number }

export class Scale {
  readonly whole: number;
  readonly gaps: Gap[] = [];
  private readonly gapLength: number;

  constructor(header: Header, compress: boolean) {
    this.gapLength = header.gap_length;
    let leftOut = 0;
    if (compress) {
      for (const [start, end] of header.gaps) {
        this.gaps.push({ start, end, begin: start - leftOut });
        leftOut += end - start - this.gapLength;
      }
    }
    this.whole = Math.max(header.duration - leftOut, 1);
  }

  get length(): number {
    return this.gapLength;
  }

  /** The place on the axis of a time. */
  place(time: number): number {
    let place = time;
    for (const gap of this.gaps) {
      if (time <= gap.start) break;
      place = time >= gap.end ? gap.begin + this.gapLength + time - gap.end : gap.begin + ((time - gap.start) / (gap.end - gap.start)) * this.gapLength;
    }
    return place;
  }

  /** The time at a place of the axis. */
  time(place: number): number {
    let time = place;
    for (const gap of this.gaps) {
      if (place <= gap.begin) break;
      const within = (place - gap.begin) / this.gapLength;
      time = within < 1 ? gap.start + within * (gap.end - gap.start) : gap.end + place - gap.begin - this.gapLength;
    }
    return time;
  }
}
