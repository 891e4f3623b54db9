/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu.h"

const char *bgu_state_name(bgu_state_e state)
{
    switch (state) {
    case BGU_STATE_RECEIVING:
        return "receiving";
    case BGU_STATE_NOTIFYING:
        return "notifying";
    case BGU_STATE_COMPLETE:
        return "complete";
    case BGU_STATE_COMMITTING:
        return "committing";
    case BGU_STATE_PUBLISHED:
        return "published";
    case BGU_STATE_CLOSED:
        return "closed";
    case BGU_STATE_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

int bgu_state_is_tombstone(bgu_state_e state)
{
    return state == BGU_STATE_CLOSED || state == BGU_STATE_CANCELLED;
}
